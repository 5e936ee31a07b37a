import { broken } from '../../../src/cli/demo/expectations.js';
import type { DemoRun } from '../../../src/cli/demo/scenario.js';
import type { MigrationReport, RoundReport } from '../../../src/migrate/report.js';

const ROUND: RoundReport = {
  ...{ round: 0, ms: 1, dirtyPages: 1, pagesSent: 1, elidedPages: 0, skippedPages: 0, deferredPages: 0 },
  ...{ bytesSent: 4096, faultCount: 0, final: false },
};

const REPORT: MigrationReport = {
  ...{ strategy: 'precopy', state: 'completed', totalMs: 1000, downtimeMs: 5, predictedDowntimeMs: 5 },
  ...{ downtimeParts: {}, pagesSent: 1000, elidedPages: 0, bytesSent: 4_096_000, maxSendsPerPage: 5 },
  ...{ rounds: Array<RoundReport>(4).fill(ROUND), stopReason: 'round-limit' },
};

const PRECOPY: DemoRun = { report: REPORT, verified: true };
const TSMC: DemoRun = { report: { ...REPORT, totalMs: 999, pagesSent: 999, maxSendsPerPage: 2 }, verified: true };

const change = (run: DemoRun, report: Partial<MigrationReport>): DemoRun => ({
  ...run,
  report: { ...run.report, ...report },
});

test('holds where everything is just as claimed', () => {
  expect(broken(PRECOPY, TSMC)).toEqual([]);
});

test.each<[string, DemoRun, DemoRun]>([
  ['control', { ...PRECOPY, verified: false }, TSMC],
  ['control', PRECOPY, { ...TSMC, verified: false }],
  ['3 rounds', change(PRECOPY, { rounds: [ROUND, ROUND, ROUND] }), TSMC],
  ['3 times', PRECOPY, change(TSMC, { maxSendsPerPage: 3 })],
  ['pages', PRECOPY, change(TSMC, { pagesSent: 1000 })],
  ['took', PRECOPY, change(TSMC, { totalMs: 1000 })],
])('%s: one claim broken is one complaint', (word, precopy, tsmc) => {
  expect(broken(precopy, tsmc)).toEqual([expect.stringContaining(word)]);
});
