import { countsOf, Report } from '../../xen-lab/run/report.js';
import type { Outcome } from '../../xen-lab/run/step.js';

function outcome(more: Partial<Outcome> = {}): Outcome {
  return { name: 'step', flavour: 'debian12', seconds: 1.25, results: [], notes: [], ...more };
}

const GOOD = { name: 'good', ok: true };
const BAD = { name: 'bad', ok: false, detail: 'why\nit failed' };

test.each([
  ['a step by itself', {}, { passed: 1, failed: 0 }],
  ['a step that failed', { error: 'no' }, { passed: 0, failed: 1 }],
  ['results', { results: [GOOD, GOOD, BAD] }, { passed: 2, failed: 1 }],
  ['results of a step that failed beside them', { results: [GOOD, BAD], error: 'no' }, { passed: 1, failed: 2 }],
])('%s: counted', (_, more, counts) => {
  expect(countsOf(outcome(more))).toEqual(counts);
});

test('the last line has the counts of all steps, and what failed is shown with its reason', () => {
  const lines: string[] = [];
  const report = new Report((line) => lines.push(line));
  report.add(outcome({ notes: ['14.2 s in all'] }));
  report.add(outcome({ name: 'second', results: [GOOD, BAD], tail: 'hidden: no error of its own' }));
  report.add(outcome({ name: 'third', error: 'timed out', tail: 'the last it said' }));
  report.finish();
  const text = lines.join('\n');
  expect(lines.at(-1)).toBe('2 passed, 2 failed');
  expect(text).toContain('ok       1.3 s  debian12      step');
  expect(text).toContain('FAIL     1.3 s  debian12      second (1 passed, 1 failed)');
  for (const shown of ['        14.2 s in all', '        it failed', '        timed out', '        the last it said'])
    expect(text).toContain(shown);
});

test('the JSON twin holds counts, steps and results', () => {
  const report = new Report(() => undefined);
  report.add(outcome({ results: [GOOD, BAD] }));
  expect(JSON.parse(JSON.stringify(report))).toEqual({
    passed: 1,
    failed: 1,
    steps: [{ ...outcome(), results: [GOOD, BAD] }],
  });
});
