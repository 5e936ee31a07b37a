/** Saving to a stream and restoring from one, with nobody at the other end. */
import type { Domain } from '../../src/backends/backend.js';
import type { GuestBuild } from '../../src/backends/emulated/index.js';
import { type MigrationEvent, receiveDomain, sendDomain } from '../../src/migrate/index.js';
import { analyse } from '../../src/migrate/stream/index.js';
import { MemoryChannel } from '../support/memory-channel.js';
import { testWithVerifier, verifyStream } from '../support/verify-stream.js';
import { inWorld, type Stage } from '../support/virtual-migration.js';

const build: GuestBuild = { memoryMB: 4, vcpus: 2, guest: { program: 'zipf', rateMBps: 10 }, seed: 11 };
const LINK = { bytesPerSecond: 1e9, latencyMs: 0.1 };
const SHELL = { name: 'restored', maxPages: 1024, vcpus: 2 };

async function save({ world, domain }: Stage): Promise<Uint8Array> {
  const stream = new MemoryChannel();
  const report = await sendDomain({ domain, stream, strategy: 'precopy', clock: world.clock });
  expect(report.state).toBe('completed');
  expect((await domain.info()).suspended).toBe(true);
  return stream.written();
}

it('a saved domain, restored, is the same and runs on', async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const { world, arrived } = stage;
    await world.clock.sleep(50);
    const stream = new MemoryChannel(await save(stage), [1, 7, 4096, 100_000]);
    await receiveDomain({ backend: world.hosts[1], stream, clock: world.clock, ...SHELL });
    await arrived();
  });
});

testWithVerifier("Xen's verify-stream-v2 accepts a precopy stream of an emulated domain", async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const bytes = await save(stage);
    const verdict = await stage.world.clock.outside(Promise.resolve(verifyStream(bytes)));
    expect(verdict.text).not.toContain('Error');
    expect(verdict.ok).toBe(true);
  });
});

it('a stream cut anywhere leaves no half-built domain', async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const { world } = stage;
    const bytes = await save(stage);
    const free = world.hosts[1].freePages;
    const lengths = [0, 23, 24, 40, 41, 48, 500, bytes.length >> 1, bytes.length - 9, bytes.length - 1];
    for (const length of lengths) {
      const stream = new MemoryChannel(bytes.slice(0, length));
      const received = receiveDomain({ backend: world.hosts[1], stream, clock: world.clock, ...SHELL });
      await expect(received).rejects.toMatchObject({ code: 'BAD_STREAM', cause: { code: 'TRUNCATED' } });
      expect(await world.hosts[1].listDomains()).toEqual([]);
      expect(world.hosts[1].freePages).toBe(free);
    }
  });
});

/** Xen's minor version in the domain header. */
const MINOR_AT = 36;

it('a stream of a newer hypervisor is refused before anything is restored, and one of an older is not', async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const { world, domain } = stage;
    const backend = world.hosts[1];
    const bytes = await save(stage);
    const { major, minor } = domain.state.version;
    expect(bytes[MINOR_AT]).toBe(minor);
    const shell = await backend.createShell({ ...SHELL, guestType: 'hvm' });
    const restore = (saved: Uint8Array): Promise<unknown> =>
      receiveDomain({
        ...{ backend, stream: new MemoryChannel(saved), clock: world.clock, ...SHELL },
        ...{ shell: async () => shell, paused: true },
      });
    const newer = restore(bytes.with(MINOR_AT, minor + 1));
    await expect(newer).rejects.toMatchObject({
      code: 'BAD_STREAM',
      message: expect.stringContaining(
        `version ${major}.${minor + 1} of the hypervisor, and this host has ${major}.${minor}`,
      ),
      cause: { code: 'NEWER_HYPERVISOR', offset: 32, remedy: expect.stringContaining('update this host') },
    });
    expect((await shell.info()).populatedPages).toBe(0);
    await restore(bytes.with(MINOR_AT, minor - 1));
    expect((await shell.info()).populatedPages).toBe((await domain.info()).populatedPages);
    await shell.destroy();
  });
});

it('nothing is left of a domain that comes from a newer hypervisor', async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const backend = stage.world.hosts[1];
    const stream = new MemoryChannel((await save(stage)).with(MINOR_AT, 255));
    const received = receiveDomain({ backend, stream, clock: stage.world.clock, ...SHELL });
    await expect(received).rejects.toMatchObject({ cause: { code: 'NEWER_HYPERVISOR' } });
    expect(await backend.listDomains()).toEqual([]);
  });
});

it('a gfn without a page is not in the stream, unless it had one', async () => {
  const sparse: GuestBuild = { ...build, content: { neverPopulatedShare: 0.3, balloonedShare: 0.1 } };
  await inWorld({ link: LINK }, sparse, async ({ world, domain }) => {
    const gone = Uint32Array.of(700, 701);
    const before = await domain.info();
    expect(before.populatedPages).toBeLessThan(before.nrGfns * 0.8);
    const stream = new MemoryChannel();
    const onEvent = (event: MigrationEvent): void => {
      if (event.type === 'round') void domain.memory.depopulate(gone);
    };
    await domain.memory.populate(gone);
    const { populatedPages } = await domain.info();
    const report = await sendDomain({ domain, stream, strategy: 'precopy', clock: world.clock, onEvent });
    expect(report.rounds[0].dirtyPages).toBe(populatedPages);
    const { pages } = await analyse(new MemoryChannel(stream.written()));
    expect(pages.XTAB).toBe(gone.length);
    const incoming = new MemoryChannel(stream.written());
    const backend = world.hosts[1];
    const received = await receiveDomain({ backend, stream: incoming, clock: world.clock, ...SHELL });
    expect((await received.domain.info()).populatedPages).toBe((await domain.info()).populatedPages);
    await received.domain.destroy();
  });
});

it.each([3, 2])('version %i: what precedes pages is settled once, before the first of them', async (version) => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const { world, arrived } = stage;
    const [, host] = world.hosts;
    const made = await host.createShell({ ...SHELL, guestType: 'hvm' });
    const pagesThen: number[] = [];
    const finishStatic = made.state.finishStatic.bind(made.state);
    made.state.finishStatic = async () => {
      pagesThen.push((await made.info()).populatedPages);
      await finishStatic();
    };
    const bytes = await save(stage);
    const stream = new MemoryChannel(version === 2 ? asVersion2(bytes) : bytes);
    await receiveDomain({ backend: host, stream, shell: async () => made, clock: world.clock, ...SHELL });
    expect(pagesThen).toEqual([0]);
    await arrived();
  });
});

/** As Xen 4.13 and before wrote it: without policies and STATIC_DATA_END. */
function asVersion2(stream: Uint8Array): Uint8Array {
  const bytes = Buffer.from(stream);
  bytes.writeUInt32BE(2, 12);
  const kept = [bytes.subarray(0, 40)];
  for (let at = 40; at < bytes.length; ) {
    const end = at + 8 + 8 * Math.ceil(bytes.readUInt32LE(at + 4) / 8);
    if (![0x10, 0x11, 0x12].includes(bytes.readUInt32LE(at))) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

describe('into a domain that the toolstack has made', () => {
  it('it is filled, and started by nobody but whoever made it', async () => {
    await inWorld({ link: LINK }, build, async (stage) => {
      const { world, arrived } = stage;
      const [, host] = world.hosts;
      const made = await host.createShell({ ...SHELL, guestType: 'hvm' });
      const asked: string[] = [];
      const shell = async (guestType: string): Promise<Domain> => {
        asked.push(guestType);
        return made;
      };
      const stream = new MemoryChannel(await save(stage));
      const received = await receiveDomain({
        ...{ backend: host, stream, shell, clock: world.clock, ...SHELL },
        paused: true,
      });
      expect(asked).toEqual(['hvm']);
      expect(received.domain).toBe(made);
      expect(await host.listDomains()).toHaveLength(1);
      expect(await made.info()).toMatchObject({ paused: true });
      await made.unpause();
      await arrived();
    });
  });

  it('it is left to whoever made it when the stream is no good, still paused', async () => {
    await inWorld({ link: LINK }, build, async (stage) => {
      const { world } = stage;
      const [, host] = world.hosts;
      const bytes = await save(stage);
      for (const length of [100, bytes.length >> 1, bytes.length - 1]) {
        const made = await host.createShell({ ...SHELL, guestType: 'hvm' });
        const stream = new MemoryChannel(bytes.slice(0, length));
        const options = { backend: host, stream, shell: async () => made, clock: world.clock, ...SHELL };
        const error = await receiveDomain(options).catch((caught: unknown) => caught);
        expect(error).toMatchObject({ code: 'BAD_STREAM', remedy: expect.stringContaining('destroy what has come') });
        expect(await made.info()).toMatchObject({ paused: true, dying: false });
        await made.destroy();
      }
    });
  });

  it('one that cannot be had fails the migration, and no other is made', async () => {
    await inWorld({ link: LINK }, build, async (stage) => {
      const { world } = stage;
      const stream = new MemoryChannel(await save(stage));
      const shell = (): Promise<Domain> => Promise.reject(new Error('no PV here'));
      const received = receiveDomain({ backend: world.hosts[1], stream, shell, clock: world.clock, ...SHELL });
      await expect(received).rejects.toMatchObject({ code: 'BAD_STREAM', message: expect.stringContaining('no PV') });
      expect(await world.hosts[1].listDomains()).toEqual([]);
    });
  });
});

it('a page beyond the domain is refused', async () => {
  await inWorld({ link: LINK }, build, async (stage) => {
    const { world } = stage;
    const stream = new MemoryChannel(await save(stage));
    const small = receiveDomain({ backend: world.hosts[1], stream, clock: world.clock, ...SHELL, maxPages: 512 });
    await expect(small).rejects.toMatchObject({ code: 'BAD_STREAM' });
    expect(await world.hosts[1].listDomains()).toEqual([]);
  });
});

it('post-copy needs a way back', async () => {
  await inWorld({ link: LINK }, build, async ({ world, domain }) => {
    const stream = new MemoryChannel();
    const sent = sendDomain({ domain, stream, strategy: 'tsmc', clock: world.clock });
    await expect(sent).rejects.toMatchObject({ code: 'NO_RETURN_CHANNEL', survivor: 'source' });
    expect(await domain.info()).toMatchObject({ paused: false, suspended: false });
  });
});
