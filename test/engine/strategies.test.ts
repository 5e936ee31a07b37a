/** The two strategies, and the choice between them, on a busy domain in virtual time. */
import { BackendError } from '../../src/backends/backend.js';
import type { EmulatedDomain, GuestBuild, GuestSpec } from '../../src/backends/emulated/index.js';
import type { Clock, MigrationEvent, RecordedSet, Stage3Report, Suspender } from '../../src/migrate/index.js';
import { inWorld, type Journey, type JourneyOptions, migrate } from '../support/virtual-migration.js';

const hotSet: GuestSpec = { program: 'hot-set', hotMB: 4, rateMBps: 20 };
const build = (guest: GuestSpec = hotSet): GuestBuild => ({ memoryMB: 16, vcpus: 2, guest, seed: 7 });
/** 100 Mbit/s: the guest above writes faster. */
const SLOW = { bytesPerSecond: 12.5e6, latencyMs: 0.2 };

function journeyOf(options: JourneyOptions, guest?: GuestSpec, pagingMode: 'shadow' | 'hap' = 'hap'): Promise<Journey> {
  return inWorld({ link: SLOW, pagingMode }, build(guest), async ({ world, domain, arrived }) => {
    await world.clock.sleep(100);
    const journey = await migrate(world, domain, options);
    expect(journey.sendError ?? journey.receiveError).toBeUndefined();
    await arrived();
    return journey;
  });
}

describe.each(['shadow', 'hap'] as const)('%s', (pagingMode) => {
  it('precopy makes rounds until its policy gives up, and the memory arrives', async () => {
    const { report } = await journeyOf({ strategy: 'precopy' }, hotSet, pagingMode);
    expect(report).toMatchObject({ state: 'completed', strategy: 'precopy', stopReason: 'round-limit' });
    expect(report?.rounds.map(({ final }) => final)).toEqual([false, false, false, false, false, true]);
    // PEEK saw pages that were dirty again before their turn came.
    expect(report?.rounds[0].skippedPages).toBeGreaterThan(0);
    const faults = report?.rounds[1].faultCount ?? -1;
    if (pagingMode === 'shadow') expect(faults).toBeGreaterThan(0);
    else expect(faults).toBe(0);
  });

  it('TSMC sends no page more than twice, fewer pages and in less time', async () => {
    const precopy = (await journeyOf({ strategy: 'precopy' }, hotSet, pagingMode)).report;
    const tsmc = (await journeyOf({ strategy: 'tsmc' }, hotSet, pagingMode)).report;
    expect(tsmc?.maxSendsPerPage).toBeLessThanOrEqual(2);
    expect(tsmc?.pagesSent).toBeLessThan(precopy?.pagesSent ?? 0);
    expect(tsmc?.totalMs).toBeLessThan(precopy?.totalMs ?? 0);
    expect(tsmc?.downtimeMs).toBeLessThan(precopy?.downtimeMs ?? 0);
    const { missingPages = 0, demandPages = 0, prepullPages = 0, pushPages = 0 } = tsmc?.stage3 ?? {};
    expect(demandPages + prepullPages + pushPages).toBe(missingPages);
    expect(tsmc?.stage3?.faults).toBeGreaterThan(0);
  });
});

it('xen-4.1 goes on to 29 rounds', async () => {
  const guest: GuestSpec = { program: 'hot-set', hotMB: 0.5, rateMBps: 20 };
  const { report } = await journeyOf({ strategy: 'precopy', policy: 'xen-4.1' }, guest);
  expect(report?.rounds.length).toBe(30);
});

it('a downtime budget stops the rounds, and the prediction is close to what came', async () => {
  const guest: GuestSpec = { program: 'hot-set', hotMB: 1, rateMBps: 5 };
  const { report } = await journeyOf({ strategy: 'precopy', downtimeBudgetMs: 100 }, guest);
  expect(report?.stopReason).toBe('downtime-budget');
  expect(report?.predictedDowntimeMs).toBeLessThanOrEqual(100);
  expect(report?.downtimeMs).toBeLessThan(110);
  expect(report?.downtimeMs).toBeGreaterThan((report?.predictedDowntimeMs ?? 0) * 0.7);
});

it('a recorded set of the last post-copy spares most of its faults', async () => {
  let set: RecordedSet = [];
  const onRecordedSet = (recorded: RecordedSet): void => {
    set = recorded;
  };
  const first = (await journeyOf({ strategy: 'tsmc', onRecordedSet })).report?.stage3;
  expect(set.length).toBeGreaterThan(0);
  const second = (await journeyOf({ strategy: 'tsmc', recordedSet: set })).report?.stage3;
  expect(second?.faults).toBeLessThan(0.5 * (first?.faults ?? 0));
  // Without windows round the faults, what is prepulled is the set.
  const bare = await journeyOf({ strategy: 'tsmc', prepullWindow: 0, recordedSet: set.slice(-20) });
  expect(bare.report?.stage3?.prepullPages).toBeGreaterThan(0);
});

it('what the guest touches to suspend itself travels in the stop', async () => {
  /** As a guest that goes on with its work for a moment. */
  const slowly = (clock: Clock, domain: EmulatedDomain): Omit<Suspender, 'byGuest'> => ({
    suspend: () => clock.sleep(5).then(() => domain.suspend()),
    resume: () => domain.resume(),
  });
  const missing = async (byGuest: boolean): Promise<number> =>
    inWorld({ link: SLOW, pagingMode: 'hap' }, build(), async ({ world, domain, arrived }) => {
      await world.clock.sleep(100);
      const suspender = { ...slowly(world.clock, domain), byGuest };
      const { report } = await migrate(world, domain, { strategy: 'tsmc', suspender });
      await arrived();
      return report?.stage3?.missingPages ?? Number.NaN;
    });
  // Between the CLEAN before it and the one behind it the guest has written some pages.
  expect(await missing(true)).toBeLessThan(await missing(false));
});

describe('auto', () => {
  it('stays with precopy where that converges', async () => {
    const guest: GuestSpec = { program: 'hot-set', hotMB: 1, rateMBps: 2 };
    const { report, events } = await journeyOf({ strategy: 'auto' }, guest);
    expect(report?.strategy).toBe('precopy');
    expect(events.filter(({ type }) => type === 'strategy')).toMatchObject([{ strategy: 'precopy' }]);
  });

  it('stays with precopy where the domain cannot do without pages just now, and says why', async () => {
    await inWorld({ link: SLOW, pagingMode: 'hap' }, build(), async ({ world, domain, arrived }) => {
      const why = 'a vCPU is not in 64-bit mode';
      domain.memory.vital = () => Promise.reject(new BackendError('NOT_SUPPORTED', why, { domid: domain.domid }));
      const { report, events } = await migrate(world, domain, { strategy: 'auto' });
      expect(report).toMatchObject({ strategy: 'precopy', stopReason: 'not-converging' });
      expect(events.filter(({ type }) => type === 'strategy')).toMatchObject([{ strategy: 'precopy', reason: why }]);
      await arrived();
    });
  });

  it('goes to stage 3 where it does not', async () => {
    const { report } = await journeyOf({ strategy: 'auto' });
    expect(report).toMatchObject({ strategy: 'tsmc', stopReason: 'not-converging' });
    expect(report?.rounds.length).toBe(2);
    expect(report?.downtimeMs).toBeLessThan(10);
  });
});

it('TSMC moves a guest that makes page tables of pages that were taken out ahead', async () => {
  for (const pagingMode of ['shadow', 'hap'] as const) {
    const { report } = await journeyOf({ strategy: 'tsmc' }, { program: 'churner', rateMBps: 40 }, pagingMode);
    expect(report?.state).toBe('completed');
  }
});

describe.each(['precopy', 'tsmc'] as const)('bandwidth cap, %s', (strategy) => {
  it('holds in every stage', async () => {
    const cap = 4e6;
    const { report, events } = await journeyOf({ strategy, bandwidth: cap });
    const { bytesSent = 0, totalMs = 1 } = report ?? {};
    // The last batch has left before its time is over, and urgent pages may run ahead by 100 ms.
    expect(bytesSent).toBeLessThanOrEqual((cap / 1000) * (totalMs + 200));
    expect(bytesSent).toBeGreaterThan((cap / 1000) * totalMs * 0.8);
    if (strategy === 'tsmc') {
      const { ms = 1, missingPages = 0 } = report?.stage3 ?? {};
      // Pages that vCPUs wait for may run ahead of the rate by 100 ms, others by a burst of 20 ms.
      expect(missingPages * 4096).toBeLessThanOrEqual((cap / 1000) * (ms + 120) * 1.02);
    }
    expectMonotonic(events);
  });

  it('may differ in stage 3', async () => {
    const { report } = await journeyOf({ strategy: 'tsmc', bandwidth: 4e6, postcopyBandwidth: 10e6 });
    const { ms = 1, missingPages = 0 } = report?.stage3 ?? {};
    expect((missingPages * 4096) / ms).toBeGreaterThan(6000);
  });
});

function expectMonotonic(events: readonly MigrationEvent[]): void {
  const progress = events.filter((event) => event.type === 'progress').map((event) => event.progress);
  expect(progress.length).toBeGreaterThan(3);
  progress.forEach(({ fraction, etaMs = 0 }, i) => {
    const before = progress[i - 1] ?? { fraction: 0 };
    expect(fraction).toBeGreaterThanOrEqual(before.fraction);
    expect(etaMs).toBeLessThanOrEqual(before.etaMs ?? Number.POSITIVE_INFINITY);
  });
  expect(progress.at(-1)?.fraction).toBe(1);
}

it('prepull brings pages round a fault, and none when it is told so', async () => {
  const guest: GuestSpec = { program: 'memtester', regionMB: 8, rateMBps: 20 };
  const stage3 = async (prepullWindow: number | 'adaptive'): Promise<Stage3Report | undefined> =>
    (await journeyOf({ strategy: 'tsmc', prepullWindow }, guest)).report?.stage3;
  expect(await stage3(0)).toMatchObject({ prepullPages: 0 });
  for (const window of [8, 'adaptive'] as const) expect((await stage3(window))?.prepullPages).toBeGreaterThan(100);
});

it('the same run twice gives byte-identical reports and events', async () => {
  for (const strategy of ['precopy', 'tsmc', 'auto'] as const) {
    const runs = [await journeyOf({ strategy }), await journeyOf({ strategy })];
    const [first, second] = runs.map(({ report, events }) => JSON.stringify({ report, events }));
    expect(first).toBe(second);
  }
});
