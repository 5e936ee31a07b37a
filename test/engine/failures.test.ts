/** What goes wrong before, in and after the handover, one thing at a time. */
import type { GuestBuild, GuestSpec } from '../../src/backends/emulated/index.js';
import type { MigrationState } from '../../src/migrate/index.js';
import { expectUnharmed, inWorld, migrate } from '../support/virtual-migration.js';

const guest: GuestSpec = { program: 'hot-set', hotMB: 1, rateMBps: 20 };
const build: GuestBuild = { memoryMB: 4, vcpus: 1, guest, seed: 3 };
const LINK = { bytesPerSecond: 12.5e6, latencyMs: 0.2 };
const RECONNECT_MS = 2000;

describe.each(['precopy', 'tsmc', 'auto'] as const)('%s', (strategy) => {
  // Every state in which a cancel is still allowed.
  it.each(['setup', 'stage1', 'stopped'] as const)(
    'cancelled in %s, the source runs on and can migrate again',
    async (state) => {
      await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
        const cancel = new AbortController();
        if (state === 'setup') cancel.abort(new Error('changed my mind'));
        const journey = await migrate(world, domain, {
          strategy,
          signal: cancel.signal,
          onEvent: (event) => {
            if (event.type === 'state' && event.to === state) cancel.abort(new Error('changed my mind'));
          },
        });
        expect(journey.sendError).toMatchObject({ code: 'CANCELLED', survivor: 'source' });
        expect(await world.hosts[1].listDomains()).toEqual([]);
        expect(await domain.info()).toMatchObject({ paused: false, suspended: false });
        const steps = domain.guestReport().steps;
        await world.clock.sleep(100);
        expect(domain.guestReport().steps).toBeGreaterThan(steps);

        const again = await migrate(world, domain, { strategy });
        expect(again.sendError).toBeUndefined();
        await arrived();
      });
    },
  );

  it.each(['handover', 'stage3'] as MigrationState[])(
    'a cancel in %s comes too late and changes nothing',
    async (state) => {
      await inWorld({ link: LINK }, build, async ({ world, domain, arrived }) => {
        const cancel = new AbortController();
        const journey = await migrate(world, domain, {
          strategy,
          signal: cancel.signal,
          onEvent: (event) => {
            if (event.type === 'state' && event.to === state) cancel.abort(new Error('too late'));
          },
        });
        expect(journey.sendError).toBeUndefined();
        await arrived();
      });
    },
  );

  it('a destination without memory says so, and the source runs on', async () => {
    await inWorld({ link: LINK }, build, async ({ world, domain }) => {
      const full = await world.hosts[1].createShell({ name: 'big', guestType: 'hvm', maxPages: 1500, vcpus: 1 });
      const { sendError, receiveError } = await migrate(world, domain, { strategy });
      expect(sendError).toMatchObject({ code: 'DESTINATION_FAILED', survivor: 'source' });
      expect(sendError?.message).toMatch(/in one piece are free/);
      expect(receiveError?.code).toBe('BAD_STREAM');
      await full.destroy();
      await world.clock.sleep(50);
      await expectUnharmed(world, domain, build);
    });
  });

  it('a guest that does not suspend runs on', async () => {
    await inWorld({ link: LINK }, build, async ({ world, domain }) => {
      const suspender = {
        suspend: () => Promise.reject(new Error('the guest did not answer')),
        resume: () => Promise.reject(new Error('nothing was suspended')),
      };
      const { sendError } = await migrate(world, domain, { strategy, suspender });
      expect(sendError).toMatchObject({ code: 'SOURCE_FAILED', survivor: 'source' });
      expect(sendError?.message).toContain('did not answer');
      expect(await world.hosts[1].listDomains()).toEqual([]);
      await expectUnharmed(world, domain, build);
    });
  });

  it('a source that cannot resume says so', async () => {
    await inWorld({ link: LINK }, build, async ({ world, domain }) => {
      const cancel = new AbortController();
      const suspender = {
        suspend: async () => {
          await domain.suspend();
          cancel.abort(new Error('now'));
        },
        resume: () => Promise.reject(new Error('no')),
      };
      const { sendError } = await migrate(world, domain, { strategy, suspender, signal: cancel.signal });
      expect(sendError).toMatchObject({ code: 'RESUME_FAILED', survivor: 'none' });
      await domain.resume();
    });
  });
});

/** Where the link is cut, counted in bytes from the destination: each of them is part of a step of the conversation. */
describe('the link cut within the conversation, and mended', () => {
  it.each(['precopy', 'tsmc'] as const)('%s: exactly one copy survives, wherever it is cut', async (strategy) => {
    const small: GuestBuild = { ...build, memoryMB: 2, guest: { program: 'hot-set', hotMB: 0.25, rateMBps: 5 } };
    const survivors = { source: 0, destination: 0 };
    for (let bytes = 0; bytes < 420; bytes += 7) {
      await inWorld({ link: LINK }, small, async ({ world, domain, arrived }) => {
        const link = world.link();
        const cut = link.cut.bind(link);
        link.cut = (options) => {
          cut(options);
          world.clock.at(world.clock.ns + 300e6, () => link.restore());
        };
        link.cutAfter(1, bytes);
        const { report, sendError } = await migrate(world, domain, { strategy, reconnectMs: RECONNECT_MS });
        if (report) {
          survivors.destination++;
          return arrived();
        }
        survivors.source++;
        expect(sendError?.survivor).toBe('source');
        expect(await world.hosts[1].listDomains()).toEqual([]);
        await world.clock.sleep(20);
        await expectUnharmed(world, domain, small);
      });
    }
    expect(survivors.source).toBeGreaterThan(0);
    expect(survivors.destination).toBeGreaterThan(0);
  });
});

it('stage 3 survives two cuts in a row', async () => {
  await inWorld({ link: { bytesPerSecond: 2e6, latencyMs: 1 } }, build, async ({ world, domain, arrived }) => {
    const link = world.link();
    const cutAt = (ms: number): void => {
      world.clock.at(world.clock.ns + ms * 1e6, () => link.cut());
      world.clock.at(world.clock.ns + (ms + 200) * 1e6, () => link.restore());
    };
    const { report, events } = await migrate(world, domain, {
      strategy: 'tsmc',
      reconnectMs: RECONNECT_MS,
      onEvent: (event) => {
        if (event.type === 'state' && event.from === 'handover') {
          cutAt(50);
          cutAt(400);
        }
      },
    });
    expect(report?.stage3?.reconnects).toBe(2);
    // What a vCPU waited for when the link broke is asked for again, and does not wait for its turn in the push.
    const back = events.findIndex((event) => event.type === 'channel' && event.what === 'reconnected');
    const sent = events.slice(back).filter((event) => event.type === 'pages');
    expect(sent.slice(0, 5).map(({ why }) => why)).toContain('demand');
    await arrived();
  });
});

it('a link that never comes back in stage 3 leaves both halves, and says so', async () => {
  await inWorld({ link: { bytesPerSecond: 2e6, latencyMs: 1 } }, build, async ({ world, domain }) => {
    const { sendError, receiveError } = await migrate(world, domain, {
      strategy: 'tsmc',
      reconnectMs: RECONNECT_MS,
      onEvent: (event) => {
        if (event.type === 'state' && event.to === 'stage3')
          world.clock.at(world.clock.ns + 50e6, () => world.link().cut());
      },
    });
    for (const error of [sendError, receiveError]) {
      expect(error).toMatchObject({ code: 'POSTCOPY_BROKEN', survivor: 'destination' });
      expect(error?.remedy).not.toBe('');
    }
    expect((await domain.info()).suspended).toBe(true);
    const [there] = await world.hosts[1].listDomains();
    expect(there).toMatchObject({ paused: false });
    expect(there.pagedPages).toBeGreaterThan(0);
  });
});
