import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HelperEvents } from '../../../src/libxl/xl/helper-events.js';
import { LineFollower } from '../../../src/libxl/xl/lines.js';
import { wholeReport } from '../../../src/libxl/xl/report.js';
import type { MigrationReport } from '../../../src/migrate/index.js';

const HEAD = { side: 'save', domid: 1, time: 1000 } as const;
const REPORT: MigrationReport = {
  ...{ strategy: 'precopy', state: 'completed', totalMs: 4000, downtimeMs: 90, predictedDowntimeMs: 50 },
  ...{ downtimeParts: { clean: 10, pages: 70 }, pagesSent: 100, elidedPages: 5, bytesSent: 409_600 },
  ...{ maxSendsPerPage: 2, rounds: [], stopReason: 'few-dirty-pages' },
};

function gather(...lines: object[]): { events: HelperEvents; seen: unknown[] } {
  const seen: unknown[] = [];
  const events = new HelperEvents((event) => seen.push(event));
  for (const line of lines) events.add(JSON.stringify(line));
  return { events, seen };
}

test('events pass on; the time of the stop is kept, since another process sees the end of the downtime', () => {
  const stop = { type: 'state', from: 'stage1', to: 'stopped', at: 3000 };
  const { events, seen } = gather({ ...HEAD, type: 'event', event: stop }, { ...HEAD, type: 'begin', pid: 7 });
  expect(seen).toEqual([stop]);
  expect(events).toMatchObject({ stoppedAt: 1000, pid: 7, finished: false, report: undefined });
});

test('the report ends it, and so does a failure', () => {
  const good = gather({ ...HEAD, type: 'report', report: REPORT, stoppedMs: 95 });
  expect(good.events).toMatchObject({ report: REPORT, stoppedMs: 95, finished: true });
  const failure = { code: 'HYPERVISOR', message: 'no' };
  expect(gather({ ...HEAD, type: 'failed', failure }).events).toMatchObject({ failure, finished: true });
});

test("the receiving helper's lines and broken ones are left out", () => {
  const { events, seen } = gather({ ...HEAD, side: 'restore', type: 'failed', failure: { code: 'X', message: 'y' } });
  events.add('{"side":"save",');
  events.add('null');
  expect(events).toMatchObject({ finished: false, failure: undefined });
  expect(seen).toEqual([]);
});

test("the toolstack's share of the downtime is named", () => {
  const whole = wholeReport(REPORT, { totalMs: 6000, downtimeMs: 300, stoppedMs: 95 });
  expect(whole).toMatchObject({
    totalMs: 6000,
    downtimeMs: 300,
    downtimeParts: { clean: 10, pages: 70, toolstack: 205 },
  });
});

test('what post-copy has named of it itself is not counted twice', () => {
  const report = { ...REPORT, downtimeParts: { clean: 10, restore: 100, unpause: 50 } };
  const whole = wholeReport(report, { totalMs: 6000, downtimeMs: 300, stoppedMs: 95 });
  expect(whole.downtimeParts).toMatchObject({ restore: 100, unpause: 50, toolstack: 55 });

  const downtimeParts = { ...report.downtimeParts, hold: 20, eviction: 10 };
  const parts = wholeReport(
    { ...report, downtimeParts },
    { totalMs: 6000, downtimeMs: 300, stoppedMs: 95 },
  ).downtimeParts;
  expect(parts).toMatchObject({ hold: 20, eviction: 10, toolstack: 25 });
});

describe('a file that is followed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenferry-lines-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('gives each line once it is whole, characters of several bytes too', async () => {
    const path = join(folder, 'log');
    writeFileSync(path, 'one\ntw');
    const lines: string[] = [];
    const follower = new LineFollower(path, (line) => lines.push(line));
    follower.read();
    expect(lines).toEqual(['one']);
    const bytes = Buffer.from('o\nthrée\n');
    appendFileSync(path, bytes.subarray(0, 6));
    follower.read();
    appendFileSync(path, bytes.subarray(6));
    for (let n = 0; n < 100 && lines.length < 3; n++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(lines).toEqual(['one', 'two', 'thrée']);
    follower[Symbol.dispose]();
    appendFileSync(path, 'four\n');
    follower.read();
    expect(lines).toHaveLength(3);
  });

  test('a line without end is no line', () => {
    const path = join(folder, 'endless');
    writeFileSync(path, `${'x'.repeat(3 << 20)}\nshort\n`);
    const lines: string[] = [];
    const follower = new LineFollower(path, (line) => lines.push(line));
    follower.read();
    follower[Symbol.dispose]();
    expect(lines.at(-1)).toBe('short');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1.2 * (1 << 20));
  });
});
