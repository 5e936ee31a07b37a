/** Three-stage memory copy of unmodified Linux domains, under plain `xl migrate`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Step } from '../run/step.js';
import type { Dom0 } from '../vm/dom0.js';
import type { Told } from './support/console.js';
import { BUSY, Guest, HOT_64 } from './support/guest.js';
import { assertNothingLeft } from './support/leftovers.js';
import { median } from './support/median.js';
import { type Moved, moveByTsmc } from './support/tsmc.js';

/** So often a domain must come through unharmed, from whatever moment of its work. */
export const ROW = 50;
const MOMENT_MS = 2000;

export const tsmcSteps: readonly Step[] = [
  {
    name: 'three-stage memory copy: xl migrate pvh',
    flavour: 'debian12-full',
    hosts: 1,
    timeoutS: 400,
    expectedS: 120,
    run: once,
  },
  {
    name: `three-stage memory copy: ${ROW} in a row`,
    flavour: 'debian12-full',
    hosts: 1,
    lane: 'endurance',
    timeoutS: 100 * ROW,
    extended: true,
    run: (bench) => inARow(bench, bench.dom0s),
  },
];

async function once(bench: Bench): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { memoryMb: 256, pattern: BUSY });
  const moved = await moveByTsmc(bench, { guest });
  assertThreeStages(moved);
  const { suspensions } = await guest.assertRuns();
  note(bench, moved, suspensions.at(-1)?.gapMs);
  await assertNothingLeft(bench.dom0);
  await guest.destroy();
}

/** To the next of the dom0s each time, from the last to the first. */
export async function inARow(bench: Bench, dom0s: readonly Dom0[]): Promise<void> {
  const guest = await Guest.create(dom0s, 'pvh', { memoryMb: 256, pattern: HOT_64 });
  const runs: Run[] = [];
  let stoodBefore = 0;
  for (let i = 0; i < ROW; i++) {
    const [from, to] = [dom0s[i % dom0s.length], dom0s[(i + 1) % dom0s.length]];
    const rune = from === to ? undefined : `ssh ${to.name}`;
    const environment: Record<string, string> = rune === undefined ? {} : { XENFERRY_RETURN_SSH: rune };
    await sleep(Math.random() * MOMENT_MS);
    const moved = await moveByTsmc(bench, { guest, from, rune, environment });
    assertThreeStages(moved);
    const stood = stoodStillMs(await guest.assertRuns());
    runs.push({ ...moved, gapMs: stood - stoodBefore });
    stoodBefore = stood;
  }
  told(bench, runs);
  for (const dom0 of dom0s) await assertNothingLeft(dom0);
  await guest.destroy();
}

/** In all its migrations, whichever dom0's console tells of each. */
function stoodStillMs({ suspensions }: Told): number {
  return suspensions.reduce((sum, { gapMs }) => sum + gapMs, 0);
}

interface Run extends Moved {
  readonly gapMs: number;
}

function told(bench: Bench, runs: readonly Run[]): void {
  const figure = (name: string, of: (run: Run) => number): string => {
    const all = runs.map(of).sort((a, b) => a - b);
    return `${name} ${median(all).toFixed(0)} (${all[0].toFixed(0)} to ${all[all.length - 1].toFixed(0)})`;
  };
  const figures = [
    figure('seconds', ({ totalMs }) => totalMs / 1000),
    figure('downtime in ms', ({ gapMs }) => gapMs),
    figure('pages missing', ({ report }) => report.stage3?.missingPages ?? 0),
    figure('faults', ({ report }) => report.stage3?.faults ?? 0),
  ];
  bench.note(`${runs.length} runs, medians (least to most): ${figures.join(', ')}`);
}

function note(bench: Bench, { report, totalMs }: Moved, gapMs = Number.NaN): void {
  const { stage3, downtimeParts, pagesSent } = report;
  bench.note(`${(totalMs / 1000).toFixed(1)} s in all, downtime ${gapMs.toFixed(0)} ms, ${pagesSent} pages`);
  bench.note(`of the downtime: ${JSON.stringify(rounded(downtimeParts))}; stage 3: ${JSON.stringify(stage3)}`);
}

export function assertThreeStages({ report: { stage3, maxSendsPerPage } }: Moved): void {
  if (!stage3 || stage3.missingPages === 0) throw new Error('no page was missing: there was no stage 3');
  if (maxSendsPerPage > 2) throw new Error(`a page was sent ${maxSendsPerPage} times`);
}

export function rounded(parts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(parts).map(([name, ms]) => [name, Math.round(ms)]));
}
