/** Two daemons and the command, each a process of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainState, DomainView, HostView } from '../../src/host/api.js';
import { newAuthority } from '../support/certificates.js';
import { daemon, json, jsonLines, type Running, run, start, stop } from '../support/processes.js';

const HOT = ['--guest', 'hot-set', '--guest-option', 'hotMB=2', '--guest-option', 'rateMBps=40'];

test('created on A, by precopy to B, by TSMC back, verified each time', async () => {
  const [a, b] = await Promise.all([daemon('a'), daemon('b')]);
  expect((await json('-H', a.url, 'create', 'web', '--memory', '24M', ...HOT)).document).toMatchObject({
    state: 'running',
  });

  const there = await jsonLines('-H', a.url, 'migrate', 'web', b.url, '--strategy', 'precopy');
  expect(there.code).toBe(0);
  expect(there.documents[0]).toMatchObject({ type: 'started', domain: 'web' });
  expect(there.documents.at(-1)).toMatchObject({ type: 'report', report: { strategy: 'precopy', state: 'completed' } });
  expect(await json('-H', b.url, 'digest', 'web', '--control')).toMatchObject({
    code: 0,
    document: { verified: true },
  });
  expect((await json('-H', a.url, 'info', 'web')).code).toBe(3);

  const back = await run('-H', b.url, 'migrate', 'web', a.url, '--strategy', 'tsmc');
  expect(back.code).toBe(0);
  expect(back.stdout).toContain('downtime');
  expect(back.stderr).toContain('handover → stage3');
  expect(await json('-H', a.url, 'digest', 'web', '--control')).toMatchObject({
    code: 0,
    document: { verified: true },
  });
  expect((await run('-H', a.url, 'list')).stdout).toContain('web');

  expect((await stop(a)).code).toBe(0);
  expect((await stop(b)).code).toBe(0);
});

test('Ctrl-C cancels, says what happened, and the domain runs on', async () => {
  const [a, b] = await Promise.all([daemon('a'), daemon('b')]);
  await json('-H', a.url, 'create', 'web', '--memory', '24M', ...HOT);
  const migrating = start('-H', a.url, 'migrate', 'web', b.url, '--strategy', 'precopy', '--bandwidth', '2MB/s');
  await untilSays(migrating, 'stage1');
  migrating.child.kill('SIGINT');
  const { code, stderr } = await migrating.ended;
  expect(code).toBe(7);
  expect(stderr).toContain('was cancelled; it runs on here');
  expect((await json('-H', a.url, 'info', 'web')).document).toMatchObject({ state: 'running' });
  await Promise.all([stop(a), stop(b)]);
});

test('a destination that is killed in stage 1: status 5, and the domain runs on, unharmed', async () => {
  const [a, b] = await Promise.all([daemon('a'), daemon('b')]);
  await json('-H', a.url, 'create', 'web', '--memory', '24M', ...HOT);
  const migrating = start('-H', a.url, 'migrate', 'web', b.url, '--bandwidth', '2MB/s');
  await untilSays(migrating, 'stage1');
  b.child.kill('SIGKILL');
  const { code, stderr } = await migrating.ended;
  expect([code, stderr]).toEqual([5, expect.stringContaining('it runs on here')]);
  expect(stderr).not.toContain('file');
  await b.ended;
  expect((await json('-H', a.url, 'info', 'web')).document).toMatchObject({ state: 'running' });
  expect(await json('-H', a.url, 'digest', 'web', '--control')).toMatchObject({
    code: 0,
    document: { verified: true },
  });
  await stop(a);
});

/** Ends in a stage 3 that takes minutes. */
const SLOW_STAGE3 = ['--strategy', 'tsmc', '--bandwidth', '1Gbit', '--postcopy-bandwidth', '600kbit'];

test('a source that is killed in stage 3: status 6, and both commands and hosts say what is left', async () => {
  const [a, b] = await Promise.all([daemon('a'), daemon('b', '--reconnect', '500ms')]);
  await json('-H', a.url, 'create', 'web', '--memory', '24M', ...HOT);
  const migrating = start('-H', a.url, 'migrate', 'web', b.url, ...SLOW_STAGE3);
  await untilSays(migrating, 'handover → stage3');
  a.child.kill('SIGKILL');
  const { code, stderr } = await migrating.ended;
  expect(code).toBe(6);
  expect(stderr).toContain(`domain web runs at ${b.url}, and pages may be missing`);
  expect(stderr).toContain(`xenferry --host ${b.url} info web`);
  await a.ended;

  const broken = await untilDomain(b.url, 'web', 'broken');
  expect(broken.pagedPages).toBeGreaterThan(0);
  expect((await run('-H', b.url, 'list')).stdout).toContain(`broken (${broken.pagedPages} pages missing)`);
  const { migrations } = (await json('-H', b.url, 'status')).document as unknown as HostView;
  expect(migrations[0].error).toMatchObject({
    detail: 'POSTCOPY_BROKEN',
    remedy: expect.stringContaining('restore it from its last save'),
  });
  expect((await run('-H', b.url, 'destroy', 'web')).code).toBe(0);
  await stop(b);
});

async function untilSays({ child }: Running, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (part: Buffer) => part.toString().includes(text) && resolve());
  });
}

async function untilDomain(url: string, name: string, state: DomainState): Promise<DomainView> {
  for (;;) {
    const view = (await json('-H', url, 'info', name)).document as unknown as DomainView;
    if (view.state === state) return view;
    await sleep(100);
  }
}

test('saved to a file and restored; over TLS', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'xenferry-int-'));
  const file = join(directory, 'web.save');
  const { certFile, keyFile, caFile = '' } = newAuthority().issue('host', 'IP:127.0.0.1');
  const a = await daemon('a', '--tls-cert', certFile, '--tls-key', keyFile, '--tls-ca', caFile);
  const to = ['-H', a.url, '--tls-ca', caFile];
  await json(...to, 'create', 'web', '--memory', '8M');
  expect(await json(...to, 'save', 'web', file)).toMatchObject({ code: 0, document: { path: file } });
  expect(existsSync(file)).toBe(true);
  expect((await json(...to, 'list')).document).toEqual([]);
  expect(await json(...to, 'restore', file)).toMatchObject({ code: 0, document: { name: 'web', state: 'running' } });
  expect(await json(...to, 'digest', 'web', '--control')).toMatchObject({ code: 0, document: { verified: true } });
  expect(await json(...to, 'restore', certFile)).toMatchObject({
    code: 11,
    document: { error: { code: 'BAD_SAVE_FILE' } },
  });
  expect((await json('-H', a.url, 'list')).code).toBe(8);
  await stop(a);
  rmSync(directory, { recursive: true });
});

test('what goes wrong has its own status and one document', async () => {
  const a = await daemon('a');
  const errors: [number, string, string[]][] = [
    [2, 'USAGE', ['nonsense']],
    [2, 'USAGE', ['create', 'x', '--memory', 'lots']],
    [2, 'USAGE', ['migrate', 'x']],
    [2, 'USAGE', []],
    [2, 'USAGE', ['-H', a.url, 'create', 'x', '--guest', 'hot-set']],
    [2, 'BAD_REQUEST', ['-H', a.url, 'create', '5']],
    [2, 'BAD_REQUEST', ['-H', a.url, 'migrate', 'x', a.url, '--bandwidth', '1bit']],
    [2, 'USAGE', ['-H', 'a b', 'list']],
    [3, 'NO_SUCH_DOMAIN', ['-H', a.url, 'pause', 'x']],
    [3, 'NO_SUCH_DOMAIN', ['-H', a.url, 'migrate', 'x', a.url]],
    [4, 'NO_MEMORY', ['-H', a.url, 'create', 'x', '--memory', '8G']],
    [4, 'REFUSED', ['demo', '--memory', '900T']],
    [4, 'NO_MEMORY', ['host', '--port', '0', '--memory', '900T']],
    [4, 'EADDRINUSE', ['host', '--port', new URL(a.url).port, '--memory', '1M']],
    [4, 'BIND_REFUSED', ['host', '--listen', '0.0.0.0', '--port', '0', '--memory', '1M']],
    [8, 'DESTINATION_UNREACHABLE', ['-H', '127.0.0.1:1', 'list']],
    [9, 'UNAUTHORIZED', ['-H', a.url, '--token-file', '/nonexistent', 'list']],
  ];
  const outcomes = [];
  for (const [, , args] of errors) outcomes.push(await json(...args));
  expect(outcomes.map(({ code, document }) => [code, (document.error as { code: string }).code])).toEqual(
    errors.map(([code, name]) => [code, name]),
  );
  const human = await run('-H', a.url, 'pause', 'x');
  expect(human).toMatchObject({ code: 3, stdout: '' });
  expect(human.stderr).toContain('xenferry list');
  await stop(a);
});

test('help', async () => {
  const bare = await run();
  expect(bare).toMatchObject({ code: 2, stdout: '' });
  expect(bare.stderr).toContain('Usage: xenferry');
  expect(bare.stderr).not.toContain('outputHelp');
  const create = (await run('create', '--help')).stdout;
  expect(create.match(/512/g)).toHaveLength(1);
  expect(create).toContain('(default: 512 MiB)');
  expect(create).toContain('hotMB');
  expect(create.trimEnd()).toMatch(/xenferry exit-codes$/);
  expect(await run('--help')).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('migrate') });
  expect((await run('help', 'exit-codes')).stdout).toContain('the domain runs on at the source');
  expect((await json('exit-codes')).document).toContainEqual(expect.objectContaining({ code: 7, name: 'CANCELLED' }));
  expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
