/** The ssh that leads post-copy's destination back to us, with a script in ssh's place. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { allocatedPort, Tunnel, type TunnelOptions } from '../../src/libxl/save-helper/tunnel.js';
import { openWayBack } from '../../src/libxl/save-helper/way-back.js';
import { isRunning } from '../support/proc.js';

const PORT = 4711;
const ALLOCATED = `echo 'Allocated port 38017 for remote forward to 127.0.0.1:${PORT}' >&2`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenferry-tunnel-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `script` runs in ssh's place; each start leaves its pid and its arguments. */
function stub(script: string): string {
  const path = join(folder, 'ssh');
  writeFileSync(path, `echo "$$ $*" >> ${folder}/starts\n${script}\n`);
  return `sh ${path} dom0-2`;
}

interface Start {
  readonly pid: number;
  readonly args: string;
}

function starts(): Start[] {
  if (!existsSync(join(folder, 'starts'))) return [];
  const lines = readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n');
  return lines.map((line) => ({ pid: Number(line.split(' ')[0]), args: line.slice(line.indexOf(' ') + 1) }));
}

const open = (script: string, options: Partial<TunnelOptions> = {}): Promise<Tunnel> =>
  Tunnel.open({ command: stub(script), port: PORT, pauseMs: 20, ...options });

async function waitUntil(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); await sleep(10)) {
    if (Date.now() > end) throw new Error('it did not come to that');
  }
}

const allGone = (): Promise<void> => waitUntil(() => starts().every(({ pid }) => !isRunning(pid)));

test('ssh listens over there at a port of its choice, which is where the destination dials', async () => {
  {
    await using tunnel = await open(`${ALLOCATED}; sleep 1000`);
    expect(tunnel.address).toBe('127.0.0.1:38017');
    const [{ pid, args }] = starts();
    expect(args).toMatch(/^dom0-2 -N -T /);
    expect(args).toMatch(/ -R 0:127\.0\.0\.1:4711$/);
    for (const option of ['ExitOnForwardFailure=yes', 'BatchMode=yes', 'ServerAliveInterval=5'])
      expect(args).toContain(` -o ${option} `);
    expect(isRunning(pid)).toBe(true);
  }
  await allGone();
});

test('with it ends all that it has started', async () => {
  const tunnel = await open(`sleep 1000 & echo $! > ${folder}/child; ${ALLOCATED}; wait`);
  const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
  expect(isRunning(child)).toBe(true);
  await tunnel[Symbol.asyncDispose]();
  await waitUntil(() => !isRunning(child));
});

test('one that ends is started again, at the port that the destination was told', async () => {
  const first = `test -e ${folder}/again || { touch ${folder}/again; ${ALLOCATED}; sleep 0.05; exit 255; }`;
  const tunnel = await open(`${first}; sleep 1000`);
  await waitUntil(() => starts().length === 2);
  expect(starts()[1].args).toMatch(/ -R 38017:127\.0\.0\.1:4711$/);
  expect(tunnel.address).toBe('127.0.0.1:38017');
  await tunnel[Symbol.asyncDispose]();
  await allGone();
});

test('again and again, with a pause between, until it is no longer wanted', async () => {
  const tunnel = await open(`${ALLOCATED}; sleep 0.02`, { pauseMs: 50 });
  await waitUntil(() => starts().length >= 4);
  await tunnel[Symbol.asyncDispose]();
  const count = starts().length;
  await sleep(200);
  expect(starts()).toHaveLength(count);
  await allGone();
});

test.each([
  ['ends at once', 'echo "root@dom0-2: Permission denied (publickey)." >&2; exit 255', /status 255\): root.*denied/],
  ['is not there', 'exec /nonexistent/ssh', /status 127\)/],
  ['is killed', 'kill -9 $$', /ended \((SIGKILL|status 137)\)/],
  ['names no port', 'echo "Allocated port 70000 for remote forward to x" >&2; sleep 1000', /port 70000, which is none/],
  ['names port 0', 'echo "Allocated port 0 for remote forward to x" >&2; sleep 1000', /port 0, which is none/],
  ['says nothing of a port', 'echo hello >&2; sleep 1000', /did not listen there within 0\.5 s: hello/],
  ['never stops to talk', 'exec yes >&2', /did not listen there within 0\.5 s: y/],
])('an ssh that %s: an error that says so, and no process', async (_, script, message) => {
  // Only who never says it is given up; a shell may be slow to say a word.
  const patienceMs = message.source.includes('within') ? 500 : 10_000;
  await expect(open(script, { patienceMs })).rejects.toMatchObject({
    code: 'NO_RETURN_CHANNEL',
    survivor: 'source',
    message: expect.stringMatching(message),
    remedy: expect.stringContaining('without a prompt'),
  });
  await allGone();
});

test('what it says cannot steer a terminal, nor fill one', async () => {
  const error = await open(`printf '\\033[2J%5000s' x >&2; exit 1`).then(
    () => new Error(),
    (error: Error) => error,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  expect(error.message).not.toMatch(/[\x00-\x1f]/);
  expect(error.message.length).toBeLessThan(600);
});

test('a migration that is called off does not wait for it', async () => {
  const abort = new AbortController();
  const reason = new Error('called off');
  const opening = open('sleep 1000', { signal: abort.signal });
  await waitUntil(() => starts().length === 1);
  abort.abort(reason);
  await expect(opening).rejects.toBe(reason);
  await allGone();
});

test('the port is read out of whatever ssh says around it', () => {
  expect(allocatedPort('Warning: x\r\nAllocated port 38017 for remote forward to 127.0.0.1:1\r\n')).toBe(38017);
  expect(allocatedPort('Allocated port 380')).toBeUndefined();
  expect(allocatedPort('Allocated port -1 for remote forward')).toBeUndefined();
});

describe('the address that the destination is told', () => {
  const { signal } = new AbortController();
  const told = async (options: { returnAddress?: string; returnSsh?: string }): Promise<string> => {
    const [returns, { address }] = await openWayBack(
      { strategy: 'tsmc', prepullWindow: 'adaptive', recordedSet: false, elideZeroPages: false, ...options },
      signal,
    );
    await returns[Symbol.asyncDispose]();
    return address;
  };

  test('is the tunnel’s, which ends with the way back', async () => {
    expect(await told({ returnSsh: stub(`${ALLOCATED}; sleep 1000`) })).toBe('127.0.0.1:38017');
    expect(starts()).toHaveLength(1);
    await allGone();
  });

  test('is the one that was named, and then no ssh is started', async () => {
    expect(await told({ returnAddress: '10.0.0.1:99', returnSsh: stub('') })).toBe('10.0.0.1:99');
    expect(starts()).toEqual([]);
  });

  test('is the listener’s own within one host', async () => {
    expect(await told({})).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('a tunnel that cannot be made leaves no listener', async () => {
    await expect(told({ returnSsh: stub('exit 255') })).rejects.toMatchObject({ code: 'NO_RETURN_CHANNEL' });
  });
});
