/** Two hosts, each a process of its own, and a network between them that resets, swallows, and comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { daemon, json, type Outcome, type Running, start, stop } from '../support/processes.js';
import { BreakableLink } from '../support/proxy.js';

const HOT = ['--guest', 'hot-set', '--guest-option', 'hotMB=3', '--guest-option', 'rateMBps=60'];
/** Stage 1 is slow enough for the guest to write all of its hot set, so that stage 3 has two seconds' work and more. */
const TSMC = ['--strategy', 'tsmc', '--bandwidth', '30MB/s', '--postcopy-bandwidth', '1500kB/s'];

type Host = Running & { url: string };
type Line = { type: string; to?: string; report?: unknown; error?: unknown };

let link: BreakableLink;
let a: Host;
let b: Host;

async function hosts(...args: string[]): Promise<void> {
  link = new BreakableLink();
  [a, b] = await Promise.all([daemon('a', ...args), daemon('b', ...args)]);
  await json('-H', a.url, 'create', 'web', '--memory', '16M', ...HOT);
}

/** No host may have died, nor been unable to end, of what happened. */
afterEach(async () => {
  link.close();
  const outcomes = await Promise.all([stop(a), stop(b)]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
});

interface Migrating {
  readonly lines: Line[];
  readonly ended: Promise<Outcome>;
  /** Resolves when a line of this type and state has come. */
  until(type: string, to?: string): Promise<void>;
}

async function migrate(...args: string[]): Promise<Migrating> {
  const { child, ended } = start('-H', a.url, 'migrate', 'web', await link.before(b.url), ...args, '--json');
  const lines: Line[] = [];
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    const parts = (text + part.toString()).split('\n');
    text = parts.pop() as string;
    lines.push(...parts.map((line) => JSON.parse(line) as Line));
  });
  const until = (type: string, to?: string) =>
    eventually(() => lines.some((line) => line.type === type && line.to === to));
  return { lines, ended, until };
}

/** Polls until it is so; the test's own limit ends it otherwise. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}

const info = async ({ url }: Host) => (await json('-H', url, 'info', 'web')).document;
const verified = async ({ url }: Host) => (await json('-H', url, 'digest', 'web', '--control')).document.verified;
const stateAt = async ({ url }: Host) => {
  const { migrations } = (await json('-H', url, 'status')).document as { migrations: [{ state: string }] };
  return migrations[0].state;
};

test('cut in stage 1: the source runs on unharmed, and nothing is left at the destination', async () => {
  await hosts();
  const migrating = await migrate('--strategy', 'tsmc', '--bandwidth', '2MB/s');
  await migrating.until('state', 'stage1');
  await eventually(async () => (await json('-H', b.url, 'list')).document.length === 1);
  link.cut();
  const { code } = await migrating.ended;
  expect([code, migrating.lines.at(-1)]).toMatchObject([5, { error: { code: 'STREAM_FAILED', survivor: 'source' } }]);
  expect(await info(a)).toMatchObject({ state: 'running' });
  expect(await verified(a)).toBe(true);
  await eventually(async () => (await stateAt(b)) === 'failed');
  expect((await json('-H', b.url, 'list')).document).toEqual([]);
  // All of its memory and its name are free again.
  expect((await json('-H', b.url, 'create', 'web', '--memory', '64M')).code).toBe(0);
});

test('cut in stage 3, and back: both ends go on, and no page is lost', async () => {
  await hosts();
  const migrating = await migrate(...TSMC);
  await migrating.until('state', 'stage3');
  link.cut();
  await migrating.until('channel');
  await eventually(() => link.attempts >= 3);
  expect(await info(b)).toMatchObject({ state: 'stage3' });
  link.mend();
  expect(await migrating.ended).toMatchObject({ code: 0, stderr: '' });
  expect(migrating.lines).toContainEqual(expect.objectContaining({ type: 'state', from: 'broken', to: 'stage3' }));
  expect(migrating.lines.at(-1)).toMatchObject({ report: { state: 'completed', stage3: { reconnects: 1 } } });
  expect(await verified(b)).toBe(true);
});

test('silence in stage 3: noticed though no connection breaks, and mended', async () => {
  await hosts();
  const migrating = await migrate(...TSMC);
  await migrating.until('state', 'stage3');
  link.silence();
  await eventually(() => link.attempts > 0);
  link.mend();
  expect(await migrating.ended).toMatchObject({ code: 0, stderr: '' });
  const { report } = migrating.lines.at(-1) as { report: { state: string; stage3: { reconnects: number } } };
  expect(report.state).toBe('completed');
  expect(report.stage3.reconnects).toBeGreaterThanOrEqual(1);
  expect(await verified(b)).toBe(true);
});

test('cut for good in stage 3: both ends say so and what to do, and each keeps its half', async () => {
  await hosts('--reconnect', '1s');
  const migrating = await migrate(...TSMC);
  await migrating.until('state', 'stage3');
  link.cut();
  const { code } = await migrating.ended;
  expect(code).toBe(6);
  expect(migrating.lines.at(-1)).toMatchObject({
    error: {
      code: 'POSTCOPY_BROKEN',
      survivor: 'destination',
      remedy: expect.stringContaining('restore it from its last save'),
    },
  });
  await eventually(async () => (await stateAt(b)) === 'failed');
  expect((await json('-H', b.url, 'status')).document.migrations).toMatchObject([
    {
      error: {
        detail: 'POSTCOPY_BROKEN',
        survivor: 'destination',
        remedy: expect.stringContaining('restore it from its last save'),
      },
    },
  ]);
  expect(await info(a)).toMatchObject({ state: 'departed' });
  expect(await json('-H', a.url, 'unpause', 'web')).toMatchObject({
    code: 4,
    document: { error: { code: 'DEPARTED' } },
  });
  const left = await info(b);
  expect(left).toMatchObject({ state: 'broken', pagedPages: expect.any(Number) });
  expect(left.pagedPages).toBeGreaterThan(0);
  for (const command of ['pause', 'unpause']) expect((await json('-H', b.url, command, 'web')).code).toBe(0);
});
