import { migrationCommand } from '../../xen-lab/steps/support/helper.js';
import { savedReport } from '../../xen-lab/steps/support/sent.js';

const guest = { name: 'pvh1' } as Parameters<typeof migrationCommand>[0]['guest'];

test("the helper's report is that of the side that saves", () => {
  const lines = [
    { type: 'begin', side: 'save' },
    { type: 'done', side: 'restore' },
    { type: 'report', side: 'save', report: { pagesSent: 7 } },
  ];
  expect(savedReport(lines.map((line) => `${JSON.stringify(line)}\n`).join('')).pagesSent).toBe(7);
  expect(() => savedReport(`${JSON.stringify(lines[0])}\n`)).toThrow(/no report/);
});

test('what both helpers are told stands before xl', () => {
  const command = migrationCommand({
    guest,
    source: 'ours',
    target: 'ours',
    environment: { XENFERRY_ZERO_PAGES: 'skip' },
  });
  expect(command).toMatch(
    /^env LIBXL_SAVE_HELPER=\S+ XENFERRY_ZERO_PAGES='skip' xl migrate -s '' pvh1 'env LIBXL\S+ xl migrate-receive'$/,
  );
});

test('what is sent is counted before the receiver has it', () => {
  const command = migrationCommand({ guest, source: 'stock', target: 'stock', countInto: '/x/bytes' });
  expect(command).toContain(
    'wc -c </x/bytes.pipe >/x/bytes & tee /x/bytes.pipe | env -u LIBXL_SAVE_HELPER xl migrate-receive',
  );
});
