/** The suite needs no jest: it passes under node:test, and what it skips is seen there too. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A line of node:test's summary in TAP, such as `# pass 83`. */
const count = (tap: string, what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(tap)?.[1]);

test('the conformance suite runs under node:test', () => {
  const file = join(__dirname, 'support', 'tiny-backend', 'under-node-test.js');
  const tap = execFileSync(process.execPath, ['--test-reporter=tap', file], { encoding: 'utf8' });
  expect(count(tap, 'fail')).toBe(0);
  expect(count(tap, 'pass')).toBeGreaterThan(50);
  expect(count(tap, 'skipped')).toBeGreaterThan(10);
  expect(tap).toContain('[skipped: the fixture lacks Guest.refuseSuspend()');
});
