import type { MigrateRequest, MigrationLine } from '../../../src/host/api.js';
import { HostClient } from '../../../src/host/client.js';
import { loadTlsIdentity } from '../../../src/transport/index.js';
import { newAuthority } from '../../support/certificates.js';
import { startHost, stopHost, type TestHost, TOKEN } from '../../support/hosts.js';

const HOT = { program: 'hot-set', hotMB: 2, rateMBps: 40 } as const;

function request(to: TestHost, more: Partial<MigrateRequest> = {}): MigrateRequest {
  return { destination: to.url.origin, destinationToken: TOKEN, strategy: 'precopy', ...more };
}

async function migrate(from: TestHost, to: TestHost, more: Partial<MigrateRequest> = {}): Promise<MigrationLine[]> {
  const lines: MigrationLine[] = [];
  for await (const line of from.client.migrate('web', request(to, more))) lines.push(line);
  return lines;
}

function errorOf(lines: MigrationLine[]): unknown {
  const last = lines.at(-1);
  return last?.type === 'error' ? last.error : last;
}

/** Follows a migration up to a line, and leaves it to itself. */
async function until(lines: AsyncGenerator<MigrationLine>, wanted: (line: MigrationLine) => boolean): Promise<string> {
  let id = '';
  for await (const line of lines) {
    if (line.type === 'started') id = line.id;
    if (wanted(line)) return id;
  }
  throw new Error('the line never came');
}

async function idle(host: TestHost): Promise<void> {
  await Promise.all(host.daemon.host.migrations.all().map((record) => record.settled));
}

async function twoHosts(): Promise<[TestHost, TestHost]> {
  const [a, b] = await Promise.all([startHost('a'), startHost('b')]);
  await a.client.create({ config: { name: 'web', memoryMB: 16, guest: HOT } });
  return [a, b];
}

test.each(['precopy', 'tsmc', 'auto'] as const)(
  '%s: the domain runs on over there, whole, and is gone here',
  async (strategy) => {
    const [a, b] = await twoHosts();
    const lines = await migrate(a, b, { strategy });
    expect(lines[0]).toMatchObject({ type: 'started', domain: 'web', destination: b.url.origin });
    expect(lines.at(-1)).toMatchObject({ type: 'report', report: { state: 'completed' } });
    expect(lines.some((line) => (line.type as string) === 'pages')).toBe(false);
    const fractions = lines.flatMap((line) => (line.type === 'progress' ? [line.progress.fraction] : []));
    expect(fractions).toEqual([...fractions].sort((x, y) => x - y));
    await idle(b);
    expect(await a.client.list()).toEqual([]);
    expect(await b.client.info('web')).toMatchObject({ state: 'running', pagedPages: 0 });
    expect(await b.client.digest('web', true)).toMatchObject({ verified: true });
    await expect(a.client.unpause('web')).rejects.toMatchObject({
      code: 'NO_SUCH_DOMAIN',
      message: `domain web has left for ${b.url.origin}`,
    });
    expect(a.backend.hypervisor.freePages).toBe(48 * 256);
    const views = (await b.client.status()).migrations;
    expect(views).toMatchObject([{ direction: 'in', domain: 'web', state: 'completed' }]);
  },
);

test('there and back again, under its own name', async () => {
  const [a, b] = await twoHosts();
  await migrate(a, b, { strategy: 'tsmc' });
  await idle(b);
  await migrate(b, a, { strategy: 'precopy' });
  await idle(a);
  expect(await a.client.digest('web', true)).toMatchObject({ verified: true });
});

test('a paused domain arrives paused', async () => {
  const [a, b] = await twoHosts();
  await a.client.pause('web');
  await migrate(a, b);
  await idle(b);
  expect(await b.client.info('web')).toMatchObject({ state: 'paused' });
  expect(await b.client.digest('web', true)).toMatchObject({ verified: true });
});

test('while it migrates nothing else may touch it, and a cancel leaves it running here', async () => {
  const [a, b] = await twoHosts();
  const lines = a.client.migrate('web', request(b, { bandwidth: 2e6 }));
  const { value } = (await lines.next()) as { value: MigrationLine };
  const id = value.type === 'started' ? value.id : '';
  expect(await a.client.info('web')).toMatchObject({ state: 'migrating', migration: id });
  for (const attempt of [a.client.pause('web'), a.client.destroy('web'), a.client.save('web', '/tmp/x', false)]) {
    await expect(attempt).rejects.toMatchObject({ code: 'BUSY', message: 'domain web is being migrated' });
  }
  await expect(a.client.migrate('web', request(b)).next()).rejects.toMatchObject({ code: 'BUSY' });
  // Not until(): these lines are read on.
  for (let type = ''; type !== 'progress'; ) ({ type } = (await lines.next()).value as MigrationLine);
  const arriving = { name: 'web', state: 'arriving' };
  expect(await b.client.list()).toMatchObject([arriving]);
  const { domid } = await b.client.info('web');
  for (const ref of ['web', String(domid)]) expect(await b.client.info(ref)).toMatchObject(arriving);
  for (const attempt of [b.client.pause('web'), b.client.destroy('web'), b.client.save('web', '/tmp/x', false)])
    await expect(attempt).rejects.toMatchObject({ code: 'BUSY', message: 'domain web is arriving' });
  await expect(b.client.create({ config: { name: 'web', memoryMB: 8 } })).rejects.toMatchObject({
    code: 'NAME_TAKEN',
    message: 'a domain named web is arriving',
  });
  expect((await b.client.status()).migrations).toMatchObject([{ id, direction: 'in', domain: 'web' }]);

  await a.client.cancel(id);
  const rest: MigrationLine[] = [];
  for await (const line of lines) rest.push(line);
  expect(errorOf(rest)).toMatchObject({ code: 'MIGRATION', detail: 'CANCELLED', survivor: 'source' });
  await Promise.all([idle(a), idle(b)]);
  expect(await a.client.migration(id)).toMatchObject({ state: 'cancelled' });
  expect(await a.client.info('web')).toMatchObject({ state: 'running' });
  expect(await a.client.digest('web', true)).toMatchObject({ verified: true });
  expect(await b.client.list()).toEqual([]);
  expect(b.backend.hypervisor.freePages).toBe(48 * 256);
});

test('a client that goes away does not stop it', async () => {
  const [a, b] = await twoHosts();
  await until(a.client.migrate('web', request(b, { bandwidth: 40e6 })), (line) => line.type === 'progress');
  await idle(a);
  await idle(b);
  expect(await b.client.info('web')).toMatchObject({ state: 'running' });
});

test('a destination that ends before the stream is connected: said as what it is, and the domain runs on', async () => {
  const [a, b] = await twoHosts();
  const incoming = HostClient.prototype.incoming;
  const spy = jest.spyOn(HostClient.prototype, 'incoming').mockImplementation(async function (this: HostClient, body) {
    const reply = await incoming.call(this, body);
    await stopHost(b, true);
    return reply;
  });
  expect(errorOf(await migrate(a, b))).toMatchObject({
    code: 'DESTINATION_UNREACHABLE',
    message: expect.stringMatching(/; domain web runs on here$/),
    remedy: expect.stringContaining(b.url.origin),
  });
  spy.mockRestore();
  expect(await a.client.info('web')).toMatchObject({ state: 'running' });
});

test('a destination that refuses or is not there: said, with a remedy, and nothing has changed', async () => {
  const [a, b] = await twoHosts();
  await b.client.create({ config: { name: 'web', memoryMB: 8 } });
  expect(errorOf(await migrate(a, b))).toMatchObject({ code: 'DESTINATION_REFUSED', detail: 'NAME_TAKEN' });
  expect(errorOf(await migrate(a, b, { destinationToken: 'not-the-right-token' }))).toMatchObject({
    code: 'DESTINATION_REFUSED',
    detail: 'UNAUTHORIZED',
  });
  await stopHost(b);
  expect(errorOf(await migrate(a, b))).toMatchObject({ code: 'DESTINATION_UNREACHABLE', remedy: expect.any(String) });
  expect(await a.client.info('web')).toMatchObject({ state: 'running' });
});

test('a destination without room gives up, the source runs on, nothing is left there', async () => {
  const [a, b] = await twoHosts();
  await b.client.create({ config: { name: 'other', memoryMB: 40 } });
  expect(errorOf(await migrate(a, b))).toMatchObject({ code: 'MIGRATION', survivor: 'source' });
  expect(await b.client.list()).toMatchObject([{ name: 'other' }]);
  expect(await a.client.info('web')).toMatchObject({ state: 'running' });
});

test('a destination that ends in mid stage 1 says so, and the source runs on', async () => {
  const [a, b] = await twoHosts();
  const lines = a.client.migrate('web', request(b, { bandwidth: 2e6 }));
  const seen: MigrationLine[] = [];
  let stopped: Promise<void> | undefined;
  for await (const line of lines) {
    if (line.type === 'progress') stopped ??= stopHost(b);
    seen.push(line);
  }
  await stopped;
  expect(errorOf(seen)).toMatchObject({ code: 'MIGRATION', survivor: 'source' });
  expect(await a.client.info('web')).toMatchObject({ state: 'running' });
  expect(await a.client.digest('web', true)).toMatchObject({ verified: true });
});

// Stage 1 is slow enough for the guest to write all of its hot set, so that stage 3 has two seconds' work.
test('in stage 3 it can neither be cancelled nor can a host end; afterwards it can', async () => {
  const [a, b] = await twoHosts();
  const lines = a.client.migrate('web', request(b, { strategy: 'tsmc', bandwidth: 30e6, postcopyBandwidth: 1e6 }));
  const id = await new Promise<string>((resolve, reject) => {
    let started = '';
    void (async () => {
      for await (const line of lines) {
        if (line.type === 'started') started = line.id;
        if (line.type === 'state' && line.to === 'stage3') resolve(started);
      }
    })().catch(reject);
  });
  await expect(a.client.cancel(id)).rejects.toMatchObject({ code: 'HANDED_OVER' });
  await expect(a.daemon.close(false)).rejects.toMatchObject({
    code: 'BUSY',
    message: 'memory of web is still on its way',
  });
  expect(await a.client.info('web')).toMatchObject({ state: 'migrating' });
  expect(await b.client.info('web')).toMatchObject({ state: 'stage3' });
  await expect(b.client.pause('web')).rejects.toMatchObject({ code: 'BUSY' });
  await idle(a);
  await idle(b);
  expect(await b.client.digest('web', true)).toMatchObject({ verified: true });
  await stopHost(a);
});

test('over TLS; a host without it is refused', async () => {
  const identity = loadTlsIdentity(newAuthority().issue('host', 'IP:127.0.0.1'));
  const [a, b, plain] = await Promise.all([startHost('a', { identity }), startHost('b', { identity }), startHost('c')]);
  expect(a.daemon.url).toMatch(/^https:/);
  await a.client.create({ config: { name: 'web', memoryMB: 16, guest: HOT } });
  expect(errorOf(await migrate(a, plain))).toMatchObject({ code: 'DESTINATION_REFUSED', detail: 'REFUSED' });
  expect((await migrate(a, b, { strategy: 'tsmc' })).at(-1)).toMatchObject({ type: 'report' });
  await idle(b);
  expect(await b.client.digest('web', true)).toMatchObject({ verified: true });
});

test('a host on loopback cannot send to another machine, which could not connect back', async () => {
  const [a] = await twoHosts();
  const lines = a.client.migrate('web', { destination: 'http://192.0.2.7:7330', destinationToken: TOKEN });
  await expect(lines.next()).rejects.toMatchObject({
    code: 'REFUSED',
    details: { remedy: expect.stringContaining('--listen') },
  });
});
