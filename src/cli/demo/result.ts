/** The demonstration's outcome, for programs and for people. */
import Table from 'cli-table3';
import { formatCount, formatMs } from '../units.js';
import type { DemoRun } from './scenario.js';

export function document(runs: readonly DemoRun[]): object {
  return {
    runs: runs.map(({ report, verified }) => {
      const { strategy, totalMs, downtimeMs, pagesSent, bytesSent, rounds, maxSendsPerPage, stopReason } = report;
      const figures = { strategy, totalMs, downtimeMs, pagesSent, bytesSent, rounds: rounds.length };
      const more = { blockedMs: blockedMs(report), maxSendsPerPage, stopReason };
      return { ...figures, faults: report.stage3?.faults ?? 0, verified, ...more };
    }),
  };
}

const HEAD = ['strategy', 'total', 'downtime', 'pages sent', 'MB sent', 'rounds', 'faults', 'blocked', 'verified'];

export function table(runs: readonly DemoRun[]): string {
  const grid = new Table({
    head: HEAD,
    style: { head: [], border: [] },
    colAligns: HEAD.map((_, i) => (i ? 'right' : 'left')),
  });
  for (const { report, verified } of runs) {
    grid.push([
      report.strategy,
      formatMs(report.totalMs),
      formatMs(report.downtimeMs),
      formatCount(report.pagesSent),
      formatCount(Math.round(report.bytesSent / 1e6)),
      String(report.rounds.length),
      formatCount(report.stage3?.faults ?? 0),
      formatMs(blockedMs(report)),
      verified ? 'verified' : 'DIFFERS',
    ]);
  }
  return grid.toString();
}

/** Of all vCPUs together, waiting for pages. */
function blockedMs({ stage3 }: DemoRun['report']): number {
  return stage3?.blockedMs.reduce((sum, ms) => sum + ms, 0) ?? 0;
}
