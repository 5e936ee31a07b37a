/** XlMigration with a script in xl's place, and another one in the save helper's. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoggedEvent } from '../../../src/libxl/save-helper/events.js';
import { XlMigration } from '../../../src/libxl/xl/migration.js';
import type { MigrationReport, MigrationState } from '../../../src/migrate/report.js';

const REPORT: MigrationReport = {
  ...{ strategy: 'tsmc', state: 'completed', totalMs: 4000, downtimeMs: 90, predictedDowntimeMs: 50 },
  ...{ downtimeParts: { clean: 10, restore: 5, unpause: 5 }, pagesSent: 100, elidedPages: 5, bytesSent: 409_600 },
  ...{ maxSendsPerPage: 2, rounds: [], stopReason: 'single-pass' },
};
const STAGE3 = {
  ...{ ms: 50, missingPages: 1000, faults: 12, demandPages: 12, prepullPages: 8, pushPages: 980, droppedPages: 0 },
  ...{ faultLatencyMs: { p50: 1, p99: 2, max: 3 }, blockedMs: [10, 5], reconnects: 1 },
};

let folder: string;
const path = process.env.PATH;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenferry-xl-'));
  process.env.PATH = `${folder}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true, force: true });
});

type Line = Record<string, unknown>;
const to = (from: MigrationState, next: MigrationState): Line => ({
  type: 'event',
  event: { type: 'state', from, to: next, at: 0 },
});
const STOPPED = [to('setup', 'stage1'), to('stage1', 'stopped')];
const HANDED = [...STOPPED, to('stopped', 'handover'), to('handover', 'stage3')];
const FINAL = { type: 'report', report: { ...REPORT, stage3: STAGE3 }, stoppedMs: 20 };

/** `early` is what the helper writes before xl ends, `late` behind that, when `go` is there; it then ends. */
function script(early: readonly Line[], late: readonly Line[] = []): void {
  const write = (line: Line): string => {
    const text = JSON.stringify({ side: 'save', domid: 7, time: Date.now(), ...line });
    return `echo '${text}' >> "$XENFERRY_EVENTS"`;
  };
  // A test that is over takes its folder away.
  const until = (file: string): string => `until [ -e ${folder}/${file} ] || [ ! -d ${folder} ]; do sleep 0.02; done`;
  const helper = ['#!/bin/sh', ...early.map(write), `touch ${folder}/sent`, until('go'), ...late.map(write)];
  writeFileSync(join(folder, 'helper'), helper.join('\n'));
  const xl = [
    '#!/bin/sh',
    `sh ${folder}/helper & pid=$!`,
    `echo '{"side":"save","domid":7,"time":1,"type":"begin","pid":'$pid'}' >> "$XENFERRY_EVENTS"`,
    until('sent'),
    'echo "migration sender: Target has acknowledged transfer." >&2',
    'echo "migration sender: Target reports successful startup." >&2',
    `touch ${folder}/ended`,
    'echo "Migration successful." >&2',
  ];
  writeFileSync(join(folder, 'xl'), xl.join('\n'));
  chmodSync(join(folder, 'xl'), 0o755);
}

const go = (): void => writeFileSync(join(folder, 'go'), '');
const xlEnded = async (): Promise<void> => {
  for (const end = Date.now() + 20_000; !existsSync(join(folder, 'ended')) && Date.now() < end; ) await sleep(10);
  await sleep(100);
};

interface Started {
  readonly migration: XlMigration;
  readonly states: string[];
  readonly settled: () => boolean;
}

function start(strategy: string): Started {
  const states: string[] = [];
  let settled = false;
  const onEvent = (event: LoggedEvent): void => {
    if (event.type === 'state') states.push(`${event.from} → ${event.to}`);
  };
  const migration = new XlMigration({
    domain: { domid: 7, name: 'web', type: 'pvh', pciDevices: [] },
    ...{ host: 'dom0-2', helper: '/h', receiverHelper: '/h', paused: false, onEvent },
    receiver: { kind: 'command', command: 'true' },
    environment: { XENFERRY_STRATEGY: strategy },
  });
  const settle = (): void => {
    settled = true;
  };
  migration.done.then(settle, settle);
  return { migration, states, settled: () => settled };
}

test('post-copy: xl’s end is not the end, and the report is the helper’s last word', async () => {
  script(HANDED, [to('stage3', 'broken'), to('broken', 'stage3'), to('stage3', 'completed'), FINAL]);
  const { migration, states, settled } = start('tsmc');
  await xlEnded();
  expect(settled()).toBe(false);
  expect(states.at(-1)).toBe('handover → stage3');
  expect(await migration.cancel()).toBe('too-late');
  go();
  const report = await migration.done;
  expect(report).toMatchObject({ strategy: 'tsmc', state: 'completed', stage3: STAGE3 });
  expect(states.slice(-3)).toEqual(['stage3 → broken', 'broken → stage3', 'stage3 → completed']);
  expect(report?.downtimeParts).toMatchObject({ clean: 10, restore: 5, unpause: 5 });
  expect(report?.totalMs).toBeGreaterThan(report?.downtimeMs ?? 0);
});

test('a page server that dies without a word: the domain runs there and misses pages', async () => {
  script(HANDED);
  const { migration, states } = start('tsmc');
  await xlEnded();
  go();
  await expect(migration.done).rejects.toMatchObject({
    code: 'POSTCOPY_BROKEN',
    survivor: 'destination',
    message: expect.stringMatching(/web runs on dom0-2.*the page server here died/),
    remedy: expect.stringContaining('xenferry status web'),
  });
  expect(states).not.toContain('stage3 → completed');
});

test('a page server that gives up says why, and what to do', async () => {
  const failure = { code: 'POSTCOPY_BROKEN', message: 'the destination did not come back', remedy: 'destroy it' };
  script(HANDED, [to('stage3', 'failed'), { type: 'failed', failure }]);
  const { migration } = start('auto');
  go();
  await expect(migration.done).rejects.toMatchObject({
    ...{ code: 'POSTCOPY_BROKEN', survivor: 'destination', remedy: 'destroy it' },
    message: expect.stringContaining('did not come back (POSTCOPY_BROKEN)'),
  });
});

test('auto that has taken precopy is over with xl, whatever its helper has left to do', async () => {
  const chosen = { type: 'event', event: { type: 'strategy', strategy: 'precopy', reason: 'few-dirty-pages', at: 0 } };
  const report = { type: 'report', report: { ...REPORT, strategy: 'precopy' }, stoppedMs: 20 };
  script([to('setup', 'stage1'), chosen, to('stage1', 'stopped'), report]);
  const { migration, states } = start('auto');
  expect(await migration.done).toMatchObject({ strategy: 'precopy', state: 'completed' });
  expect(states.at(-1)).toBe('handover → completed');
  go();
});

test('precopy: what is complete for the helper is being handed over for the domain', async () => {
  script([...STOPPED, to('stopped', 'completed'), { ...FINAL, report: { ...REPORT, strategy: 'precopy' } }]);
  const { migration, states } = start('precopy');
  expect(await migration.done).toMatchObject({ strategy: 'precopy' });
  expect(states.slice(-2)).toEqual(['stopped → handover', 'handover → completed']);
  go();
});

test('who detaches in stage 3 leaves the folder to the helper', async () => {
  script(HANDED, [FINAL]);
  const { migration, settled } = start('tsmc');
  await xlEnded();
  const left = migration.detach();
  go();
  await sleep(400);
  expect(settled()).toBe(false);
  expect(readFileSync(join(left, 'events.jsonl'), 'utf8')).toContain('"report"');
  rmSync(left, { recursive: true });
});
