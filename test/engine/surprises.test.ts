/** What guests, listeners and links do that a migration had better expect. */

import type { LogDirty } from '../../src/backends/backend.js';
import type { GuestBuild } from '../../src/backends/emulated/index.js';
import { inWorld, migrate } from '../support/virtual-migration.js';

const build: GuestBuild = { memoryMB: 4, vcpus: 1, guest: { program: 'hot-set', hotMB: 1, rateMBps: 20 }, seed: 3 };
const LINK = { bytesPerSecond: 12.5e6, latencyMs: 0.2 };

describe.each(['precopy', 'tsmc'] as const)('%s', (strategy) => {
  it.each(['stage1', 'stopped', 'handover', 'stage3', 'completed'])(
    'a listener that throws at %s changes nothing',
    async (state) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error): void => void warnings.push(warning);
      process.on('warning', onWarning);
      await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
        const { report } = await migrate(world, domain, {
          strategy,
          onEvent: (event) => {
            if (event.type === 'state' && event.to === state) throw new Error('the listener is broken');
          },
        });
        expect(report?.state).toBe('completed');
        await arrived();
      });
      process.off('warning', onWarning);
    },
  );

  it('a balloon that gives and takes pages meanwhile is followed', async () => {
    await inWorld({ link: LINK }, { ...build, guest: { program: 'idle' } }, async ({ world, domain }) => {
      const { p2m } = domain.core.machine;
      const none = p2m.findIndex((state, gfn) => gfn > 0 && state !== p2m[400]);
      const given = Uint32Array.of(500, 501, 502);
      const taken = Uint32Array.of(none);
      const { report } = await migrate(world, domain, {
        strategy,
        onEvent: (event) => {
          if (event.type !== 'round') return;
          void domain.memory.depopulate(given);
          void domain.memory.populate(taken);
        },
      });
      expect(report?.state).toBe('completed');
      const [there] = await world.hosts[1].listDomains();
      const { memory } = await world.hosts[1].domain(there.domid);
      const types = await memory.types(Uint32Array.of(...given, ...taken));
      expect([...types]).toEqual([0xf, 0xf, 0xf, 0]);
      expect(there.populatedPages).toBe((await domain.info()).populatedPages);
    });
  });

  it('log-dirty that somebody left on is taken over, and said', async () => {
    await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
      await domain.logDirty.enable();
      const { events } = await migrate(world, domain, { strategy });
      expect(events.filter(({ type }) => type === 'log-dirty')).toMatchObject([{ what: 'taken-over' }]);
      await domain.logDirty.enable(); // it is off
      await arrived();
    });
    await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
      const { events } = await migrate(world, domain, { strategy });
      expect(events.filter(({ type }) => type === 'log-dirty')).toEqual([]);
      await arrived();
    });
  });

  it('a slow link that lives is not taken for a dead one', async () => {
    const slow = { bytesPerSecond: 100e3, latencyMs: 1 };
    const random: GuestBuild = { ...build, memoryMB: 8, guest: { program: 'idle' }, content: { kind: 'random' } };
    await inWorld({ link: slow }, random, async ({ world, domain, arrived }) => {
      const { report, sendError } = await migrate(world, domain, { strategy });
      expect(sendError).toBeUndefined();
      expect(report?.totalMs).toBeGreaterThan(60_000);
      await arrived();
    });
  });

  it('a destination that takes long to restore is waited for', async () => {
    await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
      const [, host] = world.hosts;
      const createShell = host.createShell.bind(host);
      host.createShell = async (shell) => {
        const made = await createShell(shell);
        const finish = made.state.finish.bind(made.state);
        made.state.finish = async () => {
          await world.clock.sleep(12_000);
          await finish();
        };
        return made;
      };
      const { report } = await migrate(world, domain, { strategy, reconnectMs: 5000 });
      expect(report?.downtimeMs).toBeGreaterThan(12_000);
      await arrived();
    });
  });
});

it('a page taken out ahead that is a hole by the stop ends with stage 3', async () => {
  await inWorld({ link: LINK }, { ...build, guest: { program: 'idle' } }, async ({ world, domain }) => {
    const gone = 600;
    alsoDirty(domain.logDirty, gone);
    const { report } = await migrate(world, domain, {
      strategy: 'tsmc',
      onEvent: (event) => {
        if (event.type === 'state' && event.to === 'stopped') void domain.memory.depopulate(Uint32Array.of(gone));
      },
    });
    expect(report?.state).toBe('completed');
    expect(report?.totalMs).toBeLessThan(3000);
    const [there] = await world.hosts[1].listDomains();
    expect(there.populatedPages).toBe((await domain.info()).populatedPages);
  });
});

it('a page taken out ahead that has become vital is loaded', async () => {
  await inWorld({ link: LINK }, { ...build, guest: { program: 'idle' } }, async ({ world, domain, arrived }) => {
    const page = 600;
    alsoDirty(domain.logDirty, page);
    const vital = domain.memory.vital.bind(domain.memory);
    let asked = 0;
    domain.memory.vital = async () => {
      const before = await vital();
      // Before the copy, before the stop, in the stop.
      return ++asked < 3 ? before : Uint32Array.from([...before, page]).sort();
    };
    const { report } = await migrate(world, domain, { strategy: 'tsmc' });
    expect(asked).toBe(3);
    expect(report?.state).toBe('completed');
    await arrived();
  });
});

it('stage 3 called off at the destination says that pages are missing', async () => {
  await inWorld({ link: { bytesPerSecond: 2e6, latencyMs: 1 } }, build, async ({ world, domain }) => {
    const stop = new AbortController();
    const { sendError, receiveError } = await migrate(world, domain, {
      strategy: 'tsmc',
      reconnectMs: 500,
      receiveSignal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'state' && event.to === 'stage3') world.clock.at(world.clock.ns + 50e6, () => stop.abort());
      },
    });
    for (const error of [sendError, receiveError]) expect(error?.code).toBe('POSTCOPY_BROKEN');
  });
});

it('the cap counts what travels', async () => {
  const sparse: GuestBuild = { ...build, guest: { program: 'idle' }, content: { zeroShare: 0.8 } };
  await inWorld({ link: LINK }, sparse, async ({ world, domain, arrived }) => {
    const { report } = await migrate(world, domain, { strategy: 'precopy', bandwidth: 500e3 });
    const { bytesSent = 0, totalMs = 1 } = report ?? {};
    expect(bytesSent / totalMs).toBeGreaterThan(450);
    await arrived();
  });
});

/** PEEK and CLEAN report this page too. */
function alsoDirty(logDirty: LogDirty, gfn: number): void {
  for (const name of ['peek', 'clean'] as const) {
    const real = logDirty[name].bind(logDirty);
    logDirty[name] = async (pages: number, bitmap?: Uint8Array) => {
      const stats = await real(pages, bitmap);
      if (bitmap) bitmap[gfn >> 3] |= 1 << (gfn & 7);
      return stats;
    };
  }
}
