import { LEAST_RUN, summaryIn } from '../../xen-lab/steps/support/suite-summary.js';

const LINE = 'ok      1.2 s  memory: a page is a page\n';

function summary(kinds: readonly string[]): string {
  const tests = kinds.map((kind, i) => ({ name: `t${i}`, kind, seconds: 1 }));
  const failed = kinds.filter((kind) => kind === 'FAIL').length;
  return `${LINE}${JSON.stringify({ type: 'pv', failed, skipped: 0, tests })}\n`;
}

const ENOUGH = new Array<string>(LEAST_RUN).fill('ok');

test('the summary is found among what else was said', () => {
  const output = `{"x":1}\n${summary(ENOUGH)}(node:7) Warning: late\n`;
  expect(summaryIn(0, output).tests).toHaveLength(LEAST_RUN);
  expect(summaryIn(1, summary([...ENOUGH, 'FAIL'])).failed).toBe(1);
});

test.each([
  ['no summary', 139, LINE, /ended with 139 and without.*a page is a page/s],
  ['its time up', 124, summary([...ENOUGH, 'FAIL']), /not done in time.*a page is a page/s],
  ['a status that says less than the tests', 0, summary([...ENOUGH, 'FAIL']), /ended with 0, and 1 tests failed/],
  ['a status that says more than the tests', 134, summary(ENOUGH), /ended with 134, and 0 tests failed/],
  ['too little run', 0, summary([...ENOUGH.slice(1), 'skip', 'skip']), /only 89 tests/],
])('%s is no pass', (_, code, output, says) => {
  expect(() => summaryIn(code, output)).toThrow(says);
});
