import { request as httpRequest } from 'node:http';
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostClient } from '../../../src/host/client.js';
import { EmulatedHost } from '../../../src/host/emulated.js';
import { startHost, type TestHost, TOKEN } from '../../support/hosts.js';

interface Answer {
  readonly status: number;
  readonly body: { error?: { code: string; message: string } };
}

/** A request as no well-behaved client would make it. */
function raw(
  { url }: TestHost,
  method: string,
  path: string,
  body?: string,
  token: string | undefined = TOKEN,
): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token !== '') headers.authorization = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url), { method, headers, agent: false }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString()) });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const ROUTES: [string, string][] = [
  ['GET', '/v1/status'],
  ['GET', '/v1/domains'],
  ['POST', '/v1/domains'],
  ['GET', '/v1/domains/x'],
  ['DELETE', '/v1/domains/x'],
  ['POST', '/v1/domains/x/pause'],
  ['POST', '/v1/domains/x/unpause'],
  ['POST', '/v1/domains/x/digest'],
  ['POST', '/v1/domains/x/migrate'],
  ['POST', '/v1/domains/x/save'],
  ['POST', '/v1/restore'],
  ['POST', '/v1/incoming'],
  ['GET', '/v1/migrations'],
  ['GET', '/v1/migrations/x'],
  ['DELETE', '/v1/migrations/x'],
  ['GET', '/elsewhere'],
];

test('without the token no route says anything', async () => {
  const host = await startHost('a');
  for (const [method, path] of ROUTES) {
    for (const token of ['', 'wrong', TOKEN.slice(0, -1), `${TOKEN}x`]) {
      const { status, body } = await raw(host, method, path, undefined, token);
      expect([method, path, status, body.error?.code]).toEqual([method, path, 401, 'UNAUTHORIZED']);
    }
  }
  const stranger = new HostClient({ url: host.url, token: 'not-the-right-token' });
  await expect(stranger.list()).rejects.toMatchObject({ name: 'HostError', code: 'UNAUTHORIZED' });
});

test('hostile bodies: too long, no JSON, wrong fields, unknown fields', async () => {
  const host = await startHost('a');
  const create = (body: string): Promise<Answer> => raw(host, 'POST', '/v1/domains', body);
  const name = 'x'.repeat(70_000);
  for (const body of [JSON.stringify({ config: { name } }), '{', '[]', 'null', '{"config":{"name":"a"}}']) {
    const { status, body: answer } = await create(body);
    expect([body.slice(0, 30), status, answer.error?.code]).toEqual([body.slice(0, 30), 400, 'BAD_REQUEST']);
  }
  const wrong = await create('{"config":{"name":"../x","memoryMB":-1,"guest":{"program":"nothing"}},"more":1}');
  for (const field of ['config.name', 'config.memoryMB', 'config.guest.program', 'more']) {
    expect(wrong.body.error?.message).toContain(field);
  }
  expect((await raw(host, 'GET', '/elsewhere')).status).toBe(400);
  expect(await host.client.list()).toEqual([]);
});

test('a domain from create to destroy', async () => {
  const { client } = await startHost('a');
  const created = await client.create({ config: { name: 'web', memoryMB: 8, vcpus: 2 } });
  expect(created).toMatchObject({ name: 'web', state: 'running', maxPages: 2048, vcpus: 2, pagedPages: 0 });
  expect(await client.list()).toMatchObject([{ name: 'web', domid: created.domid }]);
  expect(await client.pause('web')).toMatchObject({ state: 'paused' });
  expect(await client.unpause(String(created.domid))).toMatchObject({ state: 'running' });
  await expect(client.unpause('web')).rejects.toMatchObject({ code: 'BACKEND', details: { detail: 'INVALID_STATE' } });
  expect(await client.info('web')).toMatchObject({ state: 'running', config: { guest: { program: 'idle' } } });
  expect(await client.destroy('web')).toMatchObject({ name: 'web' });
  expect(await client.list()).toEqual([]);
  await expect(client.info('web')).rejects.toMatchObject({ code: 'NO_SUCH_DOMAIN', details: { domain: 'web' } });
});

test('a digest is that of a control, whether the domain runs or not, and changes as it runs', async () => {
  const { client } = await startHost('a');
  const guest = { program: 'hot-set', hotMB: 1, rateMBps: 20 } as const;
  await client.create({ config: { name: 'web', memoryMB: 8, guest }, paused: true });
  const first = await client.digest('web', true);
  expect(first).toMatchObject({ verified: true, control: first.digest });
  expect(await client.info('web')).toMatchObject({ state: 'paused' });
  await client.unpause('web');
  // A vCPU's thread may take a while to start.
  let second = first;
  for (let tries = 0; second.digest === first.digest && tries < 100; tries++) {
    await sleep(20);
    second = await client.digest('web', true);
  }
  expect(second.digest).not.toBe(first.digest);
  expect(second.verified).toBe(true);
  expect(await client.info('web')).toMatchObject({ state: 'running' });
});

test('what cannot be created leaves nothing: name taken, no memory, a guest that does not fit', async () => {
  const { client, backend } = await startHost('a');
  const free = backend.hypervisor.freePages;
  await expect(client.create({ config: { name: 'a', memoryMB: 4096 } })).rejects.toMatchObject({
    code: 'REFUSED',
    details: { detail: 'NO_MEMORY', remedy: expect.stringContaining('destroy') },
  });
  await expect(client.create({ config: { name: 'a', memoryMB: 1, vcpus: 32 } })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    message: expect.stringContaining('need more memory'),
  });
  const guests = [
    { program: 'hot-set', hotMB: 9 },
    { program: 'zipf', regionMB: 9 },
    { program: 'allocator', peakMB: 9 },
  ] as const;
  for (const guest of guests) {
    await expect(client.create({ config: { name: 'a', memoryMB: 8, vcpus: 2, guest } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/9 MiB do not fit: .* 7 MiB/),
    });
  }
  expect(backend.hypervisor.freePages).toBe(free);
  await client.create({ config: { name: 'a', memoryMB: 8 } });
  await expect(client.create({ config: { name: 'a', memoryMB: 8 } })).rejects.toMatchObject({ code: 'NAME_TAKEN' });
});

test('a name that could be a domid is refused', async () => {
  const { client } = await startHost('a');
  await expect(client.create({ config: { name: '5', memoryMB: 8 } })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    message: expect.stringContaining('domid'),
  });
  expect(await client.create({ config: { name: '5a', memoryMB: 8 } })).toMatchObject({ name: '5a' });
});

test('the host says how much memory it has, and how much is free', async () => {
  const { client } = await startHost('a');
  const memoryBytes = 48 * 2 ** 20;
  expect(await client.status()).toMatchObject({ memoryBytes, freeBytes: memoryBytes });
  await client.create({ config: { name: 'web', memoryMB: 8 } });
  expect(await client.status()).toMatchObject({ memoryBytes, freeBytes: memoryBytes - 8 * 2 ** 20, domains: 1 });
});

test('more RAM than there is: NO_MEMORY, with a remedy', () => {
  for (const bytes of [2 ** 50, totalmem() + 4096]) {
    expect(() => new EmulatedHost(bytes)).toThrow(
      expect.objectContaining({ code: 'NO_MEMORY', remedy: expect.stringContaining('less') }),
    );
  }
});

test('a host that ends takes its domains along and answers nobody', async () => {
  const host = await startHost('a');
  await host.client.create({ config: { name: 'web', memoryMB: 8 } });
  await host.daemon.close(false);
  await expect(host.client.list()).rejects.toMatchObject({ code: 'DESTINATION_UNREACHABLE' });
  await expect(host.backend.hypervisor.listDomains()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('beyond loopback: refused without TLS, before anything listens, and the RAM is given back', async () => {
  await expect(startHost('a', { listen: '0.0.0.0' })).rejects.toMatchObject({
    code: 'BIND_REFUSED',
    message: expect.stringContaining('--tls-cert'),
  });
  const waived = await startHost('a', { listen: '0.0.0.0', insecurePlaintext: true });
  expect(waived.daemon.url).toContain('http://0.0.0.0:');
});
