/** Three-stage memory copy of unmodified Linux domains, under plain `xl migrate`. */
import type { Bench, Step } from '../run/step.js';
import { BUSY, Guest } from './support/guest.js';
import { assertNothingLeft } from './support/leftovers.js';
import { type Moved, moveByTsmc } from './support/tsmc.js';

const ROW = 50;

export const tsmcSteps: readonly Step[] = [
  {
    name: 'three-stage memory copy: xl migrate pvh',
    flavour: 'debian12-full',
    hosts: 1,
    timeoutS: 400,
    expectedS: 120,
    run: (bench) => inARow(bench, 1),
  },
  {
    name: `three-stage memory copy: ${ROW} in a row`,
    flavour: 'debian12-full',
    hosts: 1,
    lane: 'endurance',
    timeoutS: 40 * ROW,
    extended: true,
    run: (bench) => inARow(bench, ROW),
  },
];

/** At whatever moment of the guest's work. */
async function inARow(bench: Bench, times: number): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { memoryMb: 256, pattern: BUSY });
  await guest.assertRuns();
  for (let i = 0; i < times; i++) {
    const moved = await moveByTsmc(bench, { guest });
    assertThreeStages(moved);
    const { suspensions } = await guest.assertRuns();
    if (i < 3) note(bench, moved, suspensions.at(-1)?.gapMs);
  }
  await assertNothingLeft(bench.dom0);
  await guest.destroy();
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
