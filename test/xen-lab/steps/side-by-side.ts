/**
 * `xl migrate` with its own helper at both ends, and with ours, in turns in one boot: total time and downtime, and what was sent.
 * The goal is 1.0 of stock, and it is not reached (docs/xen.md says what the time goes to): the report tells how far off it is, and
 * fails where that has become much worse.
 */
import type { Bench, Step } from '../run/step.js';
import { BUSY, Guest, IDLE } from './support/guest.js';
import { type Helper, migrate } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';
import { median } from './support/median.js';
import { bytesOf, type Sent, savedReport } from './support/sent.js';
import { StandbyIn } from './support/standby.js';

const KINDS = {
  stock: { helper: 'stock', environment: {} },
  // As `xenferry migrate` sets it where both ends are ours.
  ours: { helper: 'ours', environment: { XENFERRY_ZERO_PAGES: 'skip' } },
  'ours, none standing by': { helper: 'ours', environment: { XENFERRY_ZERO_PAGES: 'skip', XENFERRY_STANDBY: '' } },
  // As ours does where nobody tells it whose the receiver is.
  'ours, zero pages sent': { helper: 'ours', environment: {} },
} as const satisfies Record<string, { helper: Helper; environment: Record<string, string> }>;

type Kind = keyof typeof KINDS;
const KIND_NAMES = Object.keys(KINDS) as Kind[];

/** Which goes first changes, so that neither always finds the machine as the other has left it. */
const TURNS: readonly (readonly Kind[])[] = [
  ['stock', 'ours'],
  ['ours', 'stock'],
  ['stock', 'ours'],
];
/** Seen: 1.0 to 1.15 in the total time, 1.0 to 1.5 in the downtime. */
const WORST = 2;
/** Timed once, and told. */
const TOLD: readonly Kind[] = ['ours, none standing by'];
/** Bytes sent: who is standing by changes nothing there. */
const COUNTED: readonly Kind[] = ['stock', 'ours', 'ours, zero pages sent'];

interface Figures {
  readonly seconds: number[];
  /** By the guest's own clock. */
  readonly downtimeMs: number[];
}

export const sideBySideSteps: readonly Step[] = Object.entries({ idle: IDLE, busy: BUSY }).map(([load, pattern]) => ({
  name: `side by side: ${load} pvh domain of 256 MB, both helpers stock, both ours`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: 'side by side',
  alone: true,
  extended: true,
  timeoutS: 1200,
  expectedS: 320,
  run: (bench) => compare(bench, load, pattern),
}));

async function compare(bench: Bench, load: string, pattern: string): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { memoryMb: 256, pattern });
  const figures = Object.fromEntries(KIND_NAMES.map((kind) => [kind, none()])) as Record<Kind, Figures>;
  await takeTurns(bench, guest, figures);
  for (const kind of KIND_NAMES) {
    const { seconds, downtimeMs } = figures[kind];
    if (seconds.length === 0) continue;
    const each = `each: ${seconds.map((s) => s.toFixed(1)).join(', ')} s; ${downtimeMs.map((ms) => ms.toFixed(0)).join(', ')} ms`;
    bench.note(
      `${load}, ${kind}: ${median(seconds).toFixed(1)} s, downtime ${median(downtimeMs).toFixed(0)} ms (${each})`,
    );
  }
  for (const kind of COUNTED) bench.note(`${load}, ${kind}: ${told(await send(bench, guest, kind))}`);
  judge(bench, `${load}: total time`, median(figures.ours.seconds) / median(figures.stock.seconds));
  judge(bench, `${load}: downtime`, median(figures.ours.downtimeMs) / median(figures.stock.downtimeMs));
  await assertNothingLeft(bench.dom0);
  await guest.destroy();
}

async function takeTurns(bench: Bench, guest: Guest, figures: Record<Kind, Figures>): Promise<void> {
  await using standby = await StandbyIn.start(bench.dom0);
  for (const turn of [...TURNS, TOLD])
    for (const kind of turn) {
      await standby.ready();
      await time(bench, guest, kind, figures[kind]);
    }
}

async function time(bench: Bench, guest: Guest, kind: Kind, { seconds, downtimeMs }: Figures): Promise<void> {
  const { helper, environment } = KINDS[kind];
  const before = (await guest.told()).suspensions.length;
  seconds.push(await migrate(bench, { guest, source: helper, target: helper, environment }));
  const { suspensions } = await guest.assertRuns();
  const gaps = suspensions.slice(before).map(({ gapMs }) => gapMs);
  if (gaps.length !== 1) throw new Error(`the guest tells of ${gaps.length} suspensions for one migration`);
  downtimeMs.push(gaps[0]);
}

/** A migration of its own, since counting takes time. */
async function send(bench: Bench, guest: Guest, kind: Kind): Promise<Sent> {
  const { dom0 } = bench;
  const { helper, environment } = KINDS[kind];
  const [countInto, events] = ['bytes', 'events'].map((name) => `/var/tmp/xen-lab/${name}`);
  await dom0.run(`mkdir -p /var/tmp/xen-lab; rm -f ${countInto} ${events}`);
  const all = { ...environment, XENFERRY_EVENTS: events };
  await migrate(bench, { guest, source: helper, target: helper, environment: all, countInto });
  await guest.assertRuns();
  const bytes = await bytesOf(dom0, countInto);
  // The stock helper tells of rounds only in frames looked at, and of those some have no page.
  return helper === 'stock' ? { bytes } : { bytes, report: savedReport(await dom0.run(`cat ${events}`)) };
}

function told({ bytes, report }: Sent): string {
  if (report === undefined) return `${bytes} bytes sent by xl`;
  const { pagesSent, elidedPages, rounds } = report;
  return `${bytes} bytes sent by xl, ${pagesSent} pages, ${elidedPages} without data, ${rounds.length} rounds`;
}

function judge(bench: Bench, what: string, ratio: number): void {
  const detail = `ours is ${ratio.toFixed(2)} of stock`;
  bench.note(`${what}: ${detail}; the goal is 1.0`);
  bench.result({ name: `${what} at most ${WORST} of stock`, ok: ratio <= WORST, detail });
}

function none(): Figures {
  return { seconds: [], downtimeMs: [] };
}
