import { reportIn } from '../../xen-lab/steps/support/migrate-lines.js';

const REPORT = { state: 'completed', pagesSent: 5, bytesSent: 9, downtimeMs: 1.5, totalMs: 20 };

function lines(more: object = {}, etaMs: number | undefined = 4): string {
  const progress = { type: 'progress', at: 1, state: 'precopy', progress: { fraction: 0.5, etaMs } };
  return [{ type: 'started' }, progress, { type: 'report', report: { ...REPORT, ...more } }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

test('the report of a migration that went well', () => {
  expect(reportIn(lines())).toMatchObject(REPORT);
});

test.each([
  ['a line that is no JSON', `xl: hello\n${lines()}`, /no JSON: xl: hello/],
  ['no report', '{"type":"started"}\n', /no report/],
  ['nothing at all', '', /no report/],
  ['an error', '{"error":{"code":"INTERNAL"}}\n', /INTERNAL/],
  ['a migration that was not completed', lines({ state: 'failed' }), /is failed/],
  ['no downtime', lines({ downtimeMs: 0 }), /downtimeMs: 0/],
  ['figures that are not there', lines({ pagesSent: undefined }), /pagesSent: undefined/],
  ['no ETA', lines({}, undefined).replace(',"etaMs":4', ''), /no line of progress/],
])('%s is no pass', (_, output, says) => {
  expect(() => reportIn(output)).toThrow(says);
});
