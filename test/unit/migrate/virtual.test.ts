import type { GuestBuild } from '../../../src/backends/emulated/index.js';
import { VirtualWorld } from '../../../src/backends/emulated/virtual/world.js';
import { expectUnharmed, migrate } from '../../support/virtual-migration.js';

const MiB = 1 << 20;
const build: GuestBuild = {
  memoryMB: 32,
  vcpus: 2,
  guest: { program: 'hot-set', hotMB: 4, rateMBps: 20 },
  seed: 7,
};

async function newWorld(): Promise<VirtualWorld> {
  return new VirtualWorld({ ramBytes: 64 * MiB, link: { bytesPerSecond: 12.5e6, latencyMs: 0.2 } });
}

describe.each(['precopy', 'tsmc', 'auto'] as const)('%s', (strategy) => {
  it('moves a busy domain', async () => {
    await using world = await newWorld();
    const domain = await world.hosts[0].createDomain({ ...build, name: 'guest' });
    await world.run(async () => {
      await world.clock.sleep(100);
      const journey = await migrate(world, domain, { strategy });
      expect(journey.sendError).toBeUndefined();
      expect(journey.receiveError).toBeUndefined();
      console.log(JSON.stringify(journey.report, null, 1));
      expect((await domain.info()).suspended).toBe(true);
      await domain.destroy();
      const arrived = await world.hosts[1].domain(journey.received?.domain.domid ?? 0);
      await world.clock.sleep(100);
      await expectUnharmed(world, arrived, build);
    });
  });
});
