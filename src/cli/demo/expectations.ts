/** What the demonstration claims, held against what it measured. */
import { formatCount, formatMs } from '../units.js';
import type { DemoRun } from './scenario.js';

/** Fewer rounds than this, and the hot set is none that precopy struggles with. */
const ROUNDS_OF_A_STRUGGLE = 4;
/** TSMC sends a page in its one full copy and, if it was written since, once more. */
const TSMC_SENDS = 2;

/** What does not hold, in words; empty if all is as it should be. */
export function broken(precopy: DemoRun, tsmc: DemoRun): string[] {
  const [p, t] = [precopy.report, tsmc.report];
  const claims: [holds: boolean, otherwise: string][] = [
    [precopy.verified, "after precopy the domain's memory differs from the control's"],
    [tsmc.verified, "after TSMC the domain's memory differs from the control's"],
    [
      p.rounds.length >= ROUNDS_OF_A_STRUGGLE,
      `precopy needed ${p.rounds.length} rounds only: the guest writes too little`,
    ],
    [t.maxSendsPerPage <= TSMC_SENDS, `TSMC sent a page ${t.maxSendsPerPage} times`],
    [
      t.pagesSent < p.pagesSent,
      `TSMC sent ${formatCount(t.pagesSent)} pages, precopy no more than ${formatCount(p.pagesSent)}`,
    ],
    [t.totalMs < p.totalMs, `TSMC took ${formatMs(t.totalMs)}, precopy no more than ${formatMs(p.totalMs)}`],
  ];
  return claims.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
}
