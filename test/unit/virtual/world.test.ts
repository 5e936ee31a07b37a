import type { LinkOptions } from '../../../src/backends/emulated/virtual/link.js';
import { LeftoverError, VirtualWorld, type WorldOptions } from '../../../src/backends/emulated/virtual/world.js';

const MIB = 1024 * 1024;
const LINK: LinkOptions = { bytesPerSecond: 12_500_000, latencyMs: 1 };
const HOT = { program: 'hot-set', hotMB: 2, rateMBps: 20 } as const;

const world = (options: Partial<WorldOptions> = {}) => new VirtualWorld({ ramBytes: 16 * MIB, link: LINK, ...options });

const guest = { name: 'guest', memoryMB: 8, vcpus: 2, guest: HOT, seed: 3, content: { kind: 'random' } } as const;

/** Copies all populated pages once, in batches, with a CLEAN before and after: a report of what happened when. */
async function copyOnce(seed: number): Promise<string[]> {
  await using hosts = world({ seed, costs: { wake: 3 }, pagingMode: 'shadow' });
  const { clock } = hosts;
  const log: string[] = [];
  await hosts.run(async () => {
    const domain = await clock.outside(hosts.hosts[0].createDomain(guest));
    const [out, into] = hosts.connect(0, 1, 'stream');
    await domain.logDirty.enable();
    const { nrGfns } = await domain.info();
    const received = new Uint8Array(MIB);
    for (let first = 0; first < nrGfns; first += 256) {
      const gfns = Uint32Array.from({ length: Math.min(256, nrGfns - first) }, (_, i) => first + i);
      using mapping = await domain.memory.map(gfns, 'read');
      await Promise.all([
        out.write([mapping.base.subarray(first * 4096, (first + gfns.length) * 4096)]),
        into.read(received.subarray(0, gfns.length * 4096)),
      ]);
      log.push(`${clock.ns} ${first}`);
      if (hosts.random.fraction() < 0.5) await clock.sleep(hosts.random.between(1, 20));
    }
    const stats = await domain.logDirty.clean(nrGfns, new Uint8Array(nrGfns / 8));
    await domain.logDirty.disable();
    await domain.pause();
    log.push(`${clock.ns} ${JSON.stringify(stats)} ${await domain.digest()}`);
    await domain.destroy();
    out.destroy();
    into.destroy();
  });
  return log;
}

test('the same scenario gives the same log, to the nanosecond; another seed another one', async () => {
  const first = await copyOnce(5);
  expect(first).toHaveLength(9);
  expect(JSON.parse(first[8].split(' ')[1]).dirtyCount).toBeGreaterThan(100);
  expect(await copyOnce(5)).toEqual(first);
  expect(await copyOnce(6)).not.toEqual(first);
});

test('hosts are joined in pairs, each by a link of its own', async () => {
  await using hosts = world({ hosts: 3 });
  expect(hosts.link(2, 0)).toBe(hosts.link(0, 2));
  expect(hosts.link(1, 0)).not.toBe(hosts.link(0, 2));
  expect(() => hosts.link(1, 1)).toThrow(RangeError);
  expect(() => hosts.link(0, 3)).toThrow(RangeError);
  await hosts.run(async () => {
    for (const [from, to] of [
      [0, 2],
      [2, 1],
    ]) {
      const listener = hosts.listen(from, to);
      const [accepted, dialled] = await Promise.all([listener.accept('push'), listener.dial('push')]);
      const [here, there] = hosts.connect(from, to, 'stream');
      const into = new Uint8Array(2);
      void accepted.write([Uint8Array.of(7)]);
      void here.write([Uint8Array.of(8)]);
      await Promise.all([dialled.read(into.subarray(0, 1)), there.read(into.subarray(1))]);
      expect(into).toEqual(Uint8Array.of(7, 8));
      for (const channel of [accepted, dialled, here, there]) channel.destroy();
    }
  });
});

test('a domain may stay, and runs on in the next scenario', async () => {
  await using hosts = world();
  const domain = await hosts.hosts[0].createDomain(guest);
  await hosts.run(() => hosts.clock.sleep(10));
  await hosts.run(async () => {
    await hosts.clock.sleep(10);
    await domain.pause();
  });
  // 20 ms at a page every 390.625 µs: the last step has begun.
  expect(domain.guestReport().vcpus.map(({ steps }) => steps)).toEqual([52, 52]);
});

describe('what a scenario leaves behind is an error:', () => {
  const leftBy = async (leave: (hosts: VirtualWorld) => Promise<unknown>): Promise<unknown> => {
    const hosts = world();
    const failure = await hosts
      .run(() => leave(hosts))
      .then(
        () => [],
        (error: unknown) => (error instanceof LeftoverError ? error.leftovers : error),
      );
    await hosts.close().catch(() => undefined);
    return failure;
  };
  const make = (hosts: VirtualWorld) => hosts.clock.outside(hosts.hosts[0].createDomain(guest));

  test('nothing', async () => {
    expect(await leftBy(async (hosts) => (await make(hosts)).suspend())).toEqual([]);
  });

  test('a sleep', async () => {
    const leave = async (hosts: VirtualWorld) => void hosts.clock.sleep(1000);
    expect(await leftBy(leave)).toEqual(['1 sleeps']);
  });

  test('a connection', async () => {
    const leave = async (hosts: VirtualWorld) => hosts.connect(0, 1, 'stream')[0].end();
    expect(await leftBy(leave)).toEqual(['connection link 0-1 stream']);
  });

  test('one who waits for a connection', async () => {
    const leave = async (hosts: VirtualWorld) =>
      void hosts
        .listen(0, 1)
        .accept('push')
        .catch(() => undefined);
    expect(await leftBy(leave)).toEqual(['link 0-1 accept push']);
  });

  test('a mapping', async () => {
    const leave = async (hosts: VirtualWorld) => (await make(hosts)).memory.map(Uint32Array.of(1, 2, 3), 'read');
    expect(await leftBy(leave)).toEqual(['3 mapped pages of domain 1 on host 0']);
  });

  test('a hold', async () => {
    const leave = async (hosts: VirtualWorld) => (await make(hosts)).core.execution.hold();
    expect(await leftBy(leave)).toEqual(['1 holds of domain 1 on host 0']);
  });

  test('memory that is mapped when its host has closed', async () => {
    const hosts = world();
    const domain = await hosts.hosts[1].createDomain(guest);
    const mapping = await hosts.clock.run(domain.memory.map(Uint32Array.of(1), 'read'));
    await expect(hosts.close()).rejects.toThrow('still mapped');
    mapping.unmap();
  });
});

test('a scenario that fails keeps its own error', async () => {
  await using hosts = world();
  await expect(
    hosts.run(async () => {
      void hosts.clock.sleep(1000);
      throw new Error('mine');
    }),
  ).rejects.toThrow('mine');
});
