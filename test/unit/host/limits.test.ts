/** What a host bounds, and what it refuses while it ends. */
import { randomUUID } from 'node:crypto';
import { connect as tlsConnect } from 'node:tls';
import pino from 'pino';
import { IncomingRequest, type MigrationLine } from '../../../src/host/api.js';
import { startDaemon } from '../../../src/host/daemon.js';
import { EmulatedHost } from '../../../src/host/emulated.js';
import { prepareIncoming } from '../../../src/host/incoming.js';
import { loadTlsIdentity } from '../../../src/transport/index.js';
import { newAuthority } from '../../support/certificates.js';
import { startHost, stopHost, type TestHost, TOKEN } from '../../support/hosts.js';

const HOT = { program: 'hot-set', hotMB: 2, rateMBps: 40 } as const;
const AT_ONCE = 8;

function incoming(name: string, returns: Partial<IncomingRequest['returns']> = {}): IncomingRequest {
  const endpoint = { port: 9, id: '00'.repeat(16), token: '00'.repeat(32), secure: false, ...returns };
  return { migration: randomUUID(), config: { name, memoryMB: 1 } as IncomingRequest['config'], returns: endpoint };
}

const codeOf = (outcome: PromiseSettledResult<unknown>): string =>
  outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code: string }).code;

test('so many migrations may be about to arrive, and a name only once; a host that ends waits for none', async () => {
  const host = await startHost('a');
  const names = Array.from({ length: AT_ONCE + 4 }, (_, i) => `web${i}`);
  // In one turn of the event loop: none has got further than the next.
  const prepare = (name: string) =>
    prepareIncoming(host.daemon.host, IncomingRequest.parse(incoming(name)), '127.0.0.1');
  const outcomes = await Promise.allSettled(names.map(prepare));
  expect(outcomes.map(codeOf).sort()).toEqual([...Array(4).fill('BUSY'), ...Array(AT_ONCE).fill('ok')]);
  const since = performance.now();
  await stopHost(host);
  expect(performance.now() - since).toBeLessThan(10_000);
});

test('the name of a domain that is about to arrive is taken, until it does not', async () => {
  const { client, daemon } = await startHost('a');
  const request = incoming('web');
  await client.incoming(request);
  await expect(client.create({ config: { name: 'web', memoryMB: 1 } })).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  await client.cancel(request.migration);
  await daemon.host.migrations.get(request.migration).settled;
  await client.create({ config: { name: 'web', memoryMB: 1 } });
});

test('of two domains of one name that are made at once, one is', async () => {
  const { client } = await startHost('a');
  const create = () => client.create({ config: { name: 'web', memoryMB: 1 } });
  const outcomes = await Promise.allSettled([create(), create()]);
  expect(outcomes.map(codeOf).sort()).toEqual(['NAME_TAKEN', 'ok']);
  expect(await client.list()).toHaveLength(1);
});

test.each<[string, Partial<IncomingRequest['returns']>]>([
  ['port 0', { port: 0 }],
  ['a port beyond all', { port: 65_536 }],
  ['a token cut short', { token: '00'.repeat(31) }],
  ['a token that is no number', { token: 'zz'.repeat(32) }],
  ['an id of another length', { id: '00'.repeat(17) }],
])('a way back with %s is refused', async (_, returns) => {
  const { client } = await startHost('a');
  await expect(client.incoming(incoming('web', returns))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

async function migrating(): Promise<{ a: TestHost; b: TestHost; last: Promise<MigrationLine | undefined> }> {
  const [a, b] = await Promise.all([startHost('a'), startHost('b')]);
  await a.client.create({ config: { name: 'web', memoryMB: 16, guest: HOT } });
  const request = { destination: b.url.origin, destinationToken: TOKEN, strategy: 'precopy', bandwidth: 4e6 } as const;
  const lines = a.client.migrate('web', request);
  await lines.next();
  const rest = async (): Promise<MigrationLine | undefined> => {
    let last: MigrationLine | undefined;
    for await (const line of lines) last = line;
    return last;
  };
  return { a, b, last: rest() };
}

test('a host that ends takes on nothing new, and cancels what can be cancelled before its domains go', async () => {
  const { a, b, last } = await migrating();
  const ending = stopHost(a);
  const { host } = a.daemon;
  const config = { name: 'late', memoryMB: 1, vcpus: 1, seed: 1, guest: { program: 'idle' } } as const;
  await expect(host.create(config, false)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await last).toMatchObject({ type: 'error', error: { detail: 'CANCELLED', survivor: 'source' } });
  await ending;
  await Promise.all(b.daemon.host.migrations.all().map((record) => record.settled));
  expect(await b.client.list()).toEqual([]);
});

test('a host that cannot begin gives its RAM back', async () => {
  const backend = new EmulatedHost(2 ** 20);
  const options = { name: 'a', listen: '192.0.2.1', port: 0, token: TOKEN, insecurePlaintext: true };
  await expect(startDaemon(backend, { ...options, logger: pino({ level: 'silent' }) })).rejects.toThrow();
  await expect(backend.hypervisor.listDomains()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a suspended domain is resumed by unpause', async () => {
  const { client, backend } = await startHost('a');
  const { domid } = await client.create({ config: { name: 'web', memoryMB: 8 } });
  await (await backend.hypervisor.domain(domid)).suspend();
  expect(await client.info('web')).toMatchObject({ state: 'suspended' });
  expect(await client.unpause('web')).toMatchObject({ state: 'running' });
});

test('a running domain arrives paused if asked; one that came back and was destroyed has not left', async () => {
  const [a, b] = await Promise.all([startHost('a'), startHost('b')]);
  await a.client.create({ config: { name: 'web', memoryMB: 8 } });
  for (const [from, to] of [
    [a, b],
    [b, a],
  ]) {
    const request = { destination: to.url.origin, destinationToken: TOKEN, strategy: 'precopy', paused: true } as const;
    for await (const line of from.client.migrate('web', request)) expect(line.type).not.toBe('error');
    await Promise.all(to.daemon.host.migrations.all().map((record) => record.settled));
    expect(await to.client.info('web')).toMatchObject({ state: 'paused' });
  }
  await a.client.destroy('web');
  await expect(a.client.info('web')).rejects.toMatchObject({ message: 'no domain web on this host' });
});

test('the API speaks TLS 1.3 and nothing older', async () => {
  const identity = loadTlsIdentity(newAuthority().issue('host', 'IP:127.0.0.1'));
  const { daemon } = await startHost('a', { identity });
  const old = tlsConnect({ host: '127.0.0.1', port: daemon.port, ca: identity.ca, maxVersion: 'TLSv1.2' });
  const outcome = await new Promise((resolve) =>
    old.once('error', resolve).once('secureConnect', () => resolve('connected')),
  );
  old.destroy();
  expect(outcome).toMatchObject({ code: expect.stringMatching(/PROTOCOL_VERSION|ALERT/) });
});
