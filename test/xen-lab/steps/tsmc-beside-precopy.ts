/**
 * Three-stage memory copy beside precopy, ours and libxl's own, in one boot: a domain that writes 64 MB over and over, faster than the
 * link takes them. Total time, pages, downtime by the guest's own clock, faults: with no prepull, with its window, and with the recorded set.
 */
import type { MigrationReport } from '../../../src/migrate/report.js';
import type { Bench, Step } from '../run/step.js';
import { Guest, HOT_64 } from './support/guest.js';
import { migrate } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';
import { median } from './support/median.js';
import { StandbyIn } from './support/standby.js';
import { moveByTsmc } from './support/tsmc.js';
import { assertThreeStages, rounded } from './tsmc.js';

const RUNS = 5;
/** Of those ways of which only the faults are of interest. */
const RUNS_FOR_FAULTS = 2;
/** Takes 21 seconds for what the guest rewrites in 8. One emulated core does the work of both hosts and of the guest, and more it cannot. */
const LINK = 3 << 20;
const CAPPED = { XENFERRY_BANDWIDTH: String(LINK), XENFERRY_ZERO_PAGES: 'skip' };
const NO_SET = { XENFERRY_RECORDED_SET: 'ignore' };
/** The same for what knows no such option. */
const THROTTLE = `python3 /xenferry/test/xen-lab/inside/throttle.py ${LINK}`;

/** The averages of the paper (TSMC, J. Appl. Math. 2014). */
const TIME_GOAL = 0.64;
const PAGES_GOAL = 0.78;

interface Run {
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly report?: MigrationReport;
}

type Way = (bench: Bench, guest: Guest) => Promise<Omit<Run, 'downtimeMs'>>;

const WAYS = {
  'precopy, libxl’s own': async (bench, guest) => ({
    totalMs: 1000 * (await migrate(bench, { guest, source: 'stock', target: 'stock', rune: THROTTLE })),
  }),
  'precopy, ours': (bench, guest) => moveByTsmc(bench, { guest, strategy: 'precopy', environment: CAPPED }),
  'three stages': (bench, guest) => moveByTsmc(bench, { guest, environment: CAPPED }),
  'three stages, window without a recorded set': (bench, guest) =>
    moveByTsmc(bench, { guest, environment: { ...CAPPED, ...NO_SET } }),
  'three stages, neither': (bench, guest) =>
    moveByTsmc(bench, { guest, environment: { ...CAPPED, ...NO_SET, XENFERRY_PREPULL: '0' } }),
} as const satisfies Record<string, Way>;

type WayName = keyof typeof WAYS;
const FOR_FAULTS: readonly WayName[] = ['three stages, window without a recorded set', 'three stages, neither'];

export const tsmcBesidePrecopyStep: Step = {
  name: `three-stage memory copy beside precopy: 256 MB, 64 MB of it hot, ${RUNS} runs each`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: 'side by side',
  alone: true,
  extended: true,
  timeoutS: 4800,
  expectedS: 2400,
  run: compare,
};

async function compare(bench: Bench): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { memoryMb: 256, pattern: HOT_64 });
  const runs = Object.fromEntries(Object.keys(WAYS).map((name) => [name, []])) as unknown as Record<WayName, Run[]>;
  await takeTurns(bench, guest, runs);
  for (const [name, each] of Object.entries(runs)) tell(bench, name, each);
  judge(bench, runs);
  await assertNothingLeft(bench.dom0);
  await guest.destroy();
}

async function takeTurns(bench: Bench, guest: Guest, runs: Record<WayName, Run[]>): Promise<void> {
  await using standby = await StandbyIn.start(bench.dom0);
  for (let i = 0; i < RUNS; i++) {
    for (const [name, way] of Object.entries(WAYS) as [WayName, Way][]) {
      if (i >= RUNS_FOR_FAULTS && FOR_FAULTS.includes(name)) continue;
      await standby.ready();
      const before = (await guest.told()).suspensions.length;
      const moved = await way(bench, guest);
      const gaps = (await guest.assertRuns()).suspensions.slice(before).map(({ gapMs }) => gapMs);
      runs[name].push({ ...moved, downtimeMs: gaps[0] });
    }
  }
}

function tell(bench: Bench, name: string, runs: readonly Run[]): void {
  const of = (figure: (run: Run) => number): string => `${median(runs.map(figure)).toFixed(0)}`;
  const all = runs.map(({ totalMs }) => (totalMs / 1000).toFixed(1)).join(', ');
  const pages = of(({ report }) => report?.pagesSent ?? Number.NaN);
  bench.note(
    `${name}, ${runs.length} runs: ${of(({ totalMs }) => totalMs)} ms (${all} s), downtime ${of((run) => run.downtimeMs)} ms, ${pages} pages`,
  );
  const { report } = runs[runs.length >> 1];
  if (report)
    bench.note(
      `${name}, one run: ${report.rounds.length} rounds, downtime ${JSON.stringify(rounded(report.downtimeParts))}`,
    );
  if (!report?.stage3) return;
  const { faultLatencyMs, missingPages } = report.stage3;
  const faults = of((run) => run.report?.stage3?.faults ?? Number.NaN);
  bench.note(
    `${name}: ${faults} faults; one run: ${missingPages} missing, latency ${JSON.stringify(faultLatencyMs)} ms`,
  );
}

function judge(bench: Bench, runs: Record<WayName, Run[]>): void {
  const tsmc = runs['three stages'];
  const precopy = runs['precopy, ours'];
  for (const { report, totalMs } of tsmc) if (report) assertThreeStages({ report, totalMs, events: [] });
  const ratio = (figure: (run: Run) => number): number => median(tsmc.map(figure)) / median(precopy.map(figure));
  const goal = (what: string, value: number, most: number): void => {
    const detail = `${value.toFixed(2)} of precopy’s; the goal is ${most}`;
    bench.note(`${what}: ${detail}`);
    bench.result({ name: `${what} at most ${most} of precopy’s`, ok: value <= most, detail });
  };
  goal(
    'total time',
    ratio((run) => run.totalMs),
    TIME_GOAL,
  );
  goal(
    'pages sent',
    ratio((run) => run.report?.pagesSent ?? Number.NaN),
    PAGES_GOAL,
  );
  goal(
    'downtime',
    ratio((run) => run.downtimeMs),
    1,
  );
}
