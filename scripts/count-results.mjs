/**
 * Prints `N passed, N failed`, the sum over test commands: node scripts/count-results.mjs RESULTS STATUS [RESULTS STATUS …]
 * RESULTS is the JSON report of one of them, jest's or test:xen's, STATUS the exit status of the whole command: where it failed
 * and no test did (build, lint, a crash), that counts as one failure. Exits non-zero unless every command passed something and
 * nothing failed.
 */
import { existsSync, readFileSync } from 'node:fs';

function count(results) {
  if (!existsSync(results)) return { passed: 0, failed: 0 };
  const report = JSON.parse(readFileSync(results, 'utf8'));
  if ('steps' in report) return { passed: report.passed, failed: report.failed };
  // A file that cannot be loaded has no tests, and must not look like nothing to do.
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numRuntimeErrorTestSuites };
}

function judge(results, status) {
  const { passed, failed } = count(results);
  return { passed, failed: failed === 0 && (status !== '0' || passed === 0) ? 1 : failed };
}

const commands = process.argv.slice(2);
const total = { passed: 0, failed: 0 };
for (let i = 0; i < commands.length; i += 2) {
  const { passed, failed } = judge(commands[i], commands[i + 1]);
  total.passed += passed;
  total.failed += failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
