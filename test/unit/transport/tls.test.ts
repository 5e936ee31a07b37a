import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, connect as tlsConnect } from 'node:tls';
import {
  type Channel,
  connectTls,
  Gate,
  GateDialer,
  loadTlsIdentity,
  type TlsIdentity,
} from '../../../src/transport/index.js';
import { newAuthority } from '../../support/certificates.js';
import { afterThisTest, closed, plainSocket } from '../../support/sockets.js';

const authority = newAuthority();
const files = authority.issue('host', 'IP:127.0.0.1');
const identity = loadTlsIdentity(files);

async function openGate(own: TlsIdentity = identity, helloMs?: number): Promise<Gate> {
  const gate = await Gate.open({ purposes: ['stream', 'push'], identity: own, helloMs });
  afterThisTest(() => void gate.close());
  return gate;
}

function dialTls(gate: Gate, own: TlsIdentity | undefined): Promise<Channel> {
  return new GateDialer({ host: '127.0.0.1', port: gate.port }, gate.ticket, own).dial('push');
}

async function tlsPair(): Promise<[Channel, Channel]> {
  const gate = await openGate();
  const dialed = await dialTls(gate, identity);
  const accepted = await gate.accept('push');
  afterThisTest(() => {
    dialed.destroy();
    accepted.destroy();
  });
  return [dialed, accepted];
}

test('megabytes go both ways, and the ends are told apart', async () => {
  const [a, b] = await tlsPair();
  const sent = randomBytes(9 << 20);
  const got = new Uint8Array(new SharedArrayBuffer(sent.length));
  const written = a.write([sent.subarray(0, 17), sent.subarray(17, 5 << 20), sent.subarray(5 << 20)]);
  await b.read(got.subarray(0, 3));
  await b.read(got.subarray(3, 3));
  await b.read(got.subarray(3));
  await written;
  expect(Buffer.from(got.buffer).equals(sent)).toBe(true);
  await a.end();
  await expect(b.read(new Uint8Array(4))).rejects.toMatchObject({ code: 'ENDED', received: 0 });
  await b.write([Buffer.from('still')]);
  const back = Buffer.alloc(5);
  await a.read(back);
  expect(back.toString()).toBe('still');
});

test('destroy() rejects what is pending, here with the reason and there as an end or a break', async () => {
  const [a, b] = await tlsPair();
  const mine = a.read(new Uint8Array(1));
  const theirs = b.read(new Uint8Array(1));
  a.destroy(new Error('enough'));
  await expect(mine).rejects.toMatchObject({ code: 'BROKEN', cause: { message: 'enough' } });
  await expect(theirs).rejects.toMatchObject({ name: 'ChannelError' });
  await expect(a.write([new Uint8Array(1)])).rejects.toMatchObject({ code: 'BROKEN' });
});

test('the version is 1.3 and nothing older', async () => {
  const gate = await openGate();
  const old = tlsConnect({ host: '127.0.0.1', port: gate.port, ca: identity.ca, maxVersion: 'TLSv1.2' });
  const failed = await new Promise((resolve) =>
    old.once('error', resolve).once('secureConnect', () => resolve('connected')),
  );
  old.destroy();
  expect(failed).toMatchObject({ code: expect.stringMatching(/PROTOCOL_VERSION|ALERT/) });
});

test('a certificate of a stranger is refused', async () => {
  const gate = await openGate(loadTlsIdentity(newAuthority().issue('mallory', 'IP:127.0.0.1')));
  await expect(dialTls(gate, identity)).rejects.toMatchObject({
    code: 'BROKEN',
    cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
  });
});

test('a trusted certificate for another name is refused', async () => {
  const gate = await openGate(loadTlsIdentity(authority.issue('other', 'DNS:other.example')));
  await expect(dialTls(gate, identity)).rejects.toMatchObject({
    code: 'BROKEN',
    cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  });
});

test('a listener that knows nothing newer than 1.2 is refused', async () => {
  const server = createServer({ cert: identity.cert, key: identity.key, maxVersion: 'TLSv1.2' });
  server.on('tlsClientError', () => undefined);
  afterThisTest(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await expect(connectTls({ host: '127.0.0.1', port }, identity)).rejects.toMatchObject({ code: 'BROKEN' });
});

test('a second read while one is pending is refused', async () => {
  const [a, b] = await tlsPair();
  const first = Buffer.alloc(1);
  const reading = a.read(first);
  await expect(a.read(new Uint8Array(1))).rejects.toThrow('one read at a time');
  await b.write([Uint8Array.of(9)]);
  await reading;
  expect(first[0]).toBe(9);
});

test('a stranger that breaks off in mid handshake is forgotten at once', async () => {
  const gate = await openGate(identity, 60_000);
  const socket = await plainSocket(gate.port);
  while (gate.strangerCount === 0) await sleep(5);
  socket.resetAndDestroy();
  while (gate.strangerCount > 0) await sleep(5);
});

test('plaintext to a TLS listener is dropped, and a TLS dialer gets nowhere with a plain one', async () => {
  const secure = await openGate();
  await expect(dialTls(secure, undefined)).rejects.toMatchObject({ code: 'BROKEN' });
  const plain = await Gate.open({ purposes: ['push'] });
  afterThisTest(() => void plain.close());
  await expect(dialTls(plain, identity)).rejects.toMatchObject({ code: 'BROKEN' });
});

test('a handshake that never comes is dropped in time', async () => {
  const gate = await openGate(identity, 60);
  const socket = await plainSocket(gate.port);
  await closed(socket);
  expect(gate.strangerCount).toBe(0);
});

test('files that are missing or do not fit are named', () => {
  expect(() => loadTlsIdentity({ ...files, certFile: '/nonexistent.crt' })).toThrow('/nonexistent.crt');
  expect(() => loadTlsIdentity({ ...files, keyFile: authority.issue('third', 'IP:127.0.0.1').keyFile })).toThrow(
    'do not fit',
  );
});
