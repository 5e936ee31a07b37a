/**
 * Prints `N passed, N failed` from jest's JSON results: node scripts/count-results.mjs RESULTS STATUS
 * STATUS is the exit status of the whole test command: where it failed and no test did (build, lint, a crash), that
 * counts as one failure. Exits non-zero unless something passed and nothing failed.
 */
import { existsSync, readFileSync } from 'node:fs';

const [results, status] = process.argv.slice(2);

function count() {
  if (!existsSync(results)) return { passed: 0, failed: 0 };
  const report = JSON.parse(readFileSync(results, 'utf8'));
  // A file that cannot be loaded has no tests, and must not look like nothing to do.
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numRuntimeErrorTestSuites };
}

const { passed, failed } = count();
const allFailed = failed === 0 && (status !== '0' || passed === 0) ? 1 : failed;
console.log(`${passed} passed, ${allFailed} failed`);
process.exitCode = allFailed === 0 ? 0 : 1;
