import { atWork, type ShownStatus, selected, statusSheet } from '../../../src/cli/stage3-status.js';
import type { Stage3Status } from '../../../src/libxl/stage3/status-file.js';

const PAGER: Stage3Status = {
  ...{ role: 'pager', domid: 7, name: 'web', pid: 4242, state: 'running', startedAt: 10_000, updatedAt: 12_000 },
  ...{ missingAtStart: 12_000, missing: 1500, faults: 42, faultLatencyMs: { p50: 1.5, p99: 20, max: 30 } },
  ...{ blockedMs: [100, 2000], reconnects: 1 },
};
const SERVER: Stage3Status = {
  ...{ role: 'page-server', domid: 3, name: 'db', pid: 99, state: 'completed', startedAt: 20_000, updatedAt: 21_000 },
  ...{ missingAtStart: 500, missing: 0 },
};
const ALL = [PAGER, SERVER];
const lives = (): boolean => true;
const dead = (): boolean => false;

test('all of them, the latest first', () => {
  expect(selected(ALL, undefined, lives).map(({ name }) => name)).toEqual(['db', 'web']);
  expect(selected([], undefined, lives)).toEqual([]);
});

test.each(['web', '7'])('one by name or domid: %s', (ref) => {
  expect(selected(ALL, ref, lives)).toEqual([PAGER]);
});

test('a domain of which nothing is known', () => {
  expect(() => selected(ALL, 'we', lives)).toThrow(
    expect.objectContaining({ code: 'NO_SUCH_DOMAIN', remedy: expect.stringContaining('xenferry status') }),
  );
});

test.each<[Stage3Status['state'], boolean, ShownStatus['state']]>([
  ['running', true, 'running'],
  ['running', false, 'died'],
  ['waiting', false, 'died'],
  ['broken', false, 'died'],
  ['completed', false, 'completed'],
  ['failed', false, 'failed'],
])('%s, its process there: %s: is shown as %s', (state, there, shown) => {
  const [status] = selected([{ ...PAGER, state }], 'web', there ? lives : dead);
  expect(status.state).toBe(shown);
  expect(atWork([status])).toBe(there);
});

test('for people: how much is missing of how much, and what the guest feels of it', () => {
  const sheet = statusSheet(selected([{ ...PAGER, reason: 'no route' }], 'web', lives), 13_000);
  for (const text of ['web (7)', 'pager', 'running', '1,500 of 12,000', '42', '1.5 ms / 20 ms', '0: 100 ms, 1: 2 s'])
    expect(sheet).toContain(text);
  expect(sheet).toContain('no route');
  expect(sheet).toContain('1970-01-01T00:00:10.000Z, 3 s ago');
});

test('a page server counts what it has not sent, and has no faults', () => {
  const sheet = statusSheet(selected(ALL, 'db', lives), 30_000);
  expect(sheet).toContain('pages not sent');
  expect(sheet).not.toContain('faults');
});

test('one that died says which process', () => {
  expect(statusSheet(selected(ALL, 'web', dead), 0)).toContain('died: process 4242 is gone');
  expect(statusSheet([], 0)).toBe('no post-copy is, or was, at work here');
});
