/** Two daemons and the command, each a process of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newAuthority } from '../support/certificates.js';
import { daemon, json, jsonLines, run, start, stop } from '../support/processes.js';

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
  await new Promise<void>((resolve) => {
    migrating.child.stderr?.on('data', (part: Buffer) => part.toString().includes('stage1') && resolve());
  });
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
  await new Promise<void>((resolve) => {
    migrating.child.stderr?.on('data', (part: Buffer) => part.toString().includes('stage1') && resolve());
  });
  b.child.kill('SIGKILL');
  const { code, stderr } = await migrating.ended;
  expect([code, stderr]).toEqual([5, expect.stringContaining('it runs on here')]);
  await b.ended;
  expect((await json('-H', a.url, 'info', 'web')).document).toMatchObject({ state: 'running' });
  expect(await json('-H', a.url, 'digest', 'web', '--control')).toMatchObject({
    code: 0,
    document: { verified: true },
  });
  await stop(a);
});

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
    [2, 'USAGE', ['-H', 'a b', 'list']],
    [3, 'NO_SUCH_DOMAIN', ['-H', a.url, 'pause', 'x']],
    [3, 'NO_SUCH_DOMAIN', ['-H', a.url, 'migrate', 'x', a.url]],
    [4, 'NO_MEMORY', ['-H', a.url, 'create', 'x', '--memory', '8G']],
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
  expect(await run('--help')).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('migrate') });
  expect((await run('help', 'exit-codes')).stdout).toContain('the domain runs on at the source');
  expect((await json('exit-codes')).document).toContainEqual(expect.objectContaining({ code: 7, name: 'CANCELLED' }));
  expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
