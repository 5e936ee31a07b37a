import { once } from 'node:events';
import { Gate, GateDialer, newTicket } from '../../../src/transport/index.js';
import { encodePreamble } from '../../../src/transport/preamble.js';
import { afterThisTest, closed, plainSocket } from '../../support/sockets.js';

async function openGate(options: Partial<Parameters<typeof Gate.open>[0]> = {}): Promise<Gate> {
  const gate = await Gate.open({ purposes: ['control', 'push', 'urgent'], ...options });
  afterThisTest(() => void gate.close());
  return gate;
}

function dialer(gate: Gate, ticket = gate.ticket): GateDialer {
  return new GateDialer({ host: '127.0.0.1', port: gate.port }, ticket);
}

test('each purpose gets its own channel, whatever the order of dialing', async () => {
  const gate = await openGate();
  const urgent = gate.accept('urgent');
  const dialed = await Promise.all(
    (['push', 'control', 'urgent'] as const).map((purpose) => dialer(gate).dial(purpose)),
  );
  const accepted = [await gate.accept('push'), await gate.accept('control'), await urgent];
  for (const [i, channel] of accepted.entries()) {
    await dialed[i].write([Uint8Array.of(i + 40)]);
    const byte = new Uint8Array(1);
    await channel.read(byte);
    expect(byte[0]).toBe(i + 40);
    // Neither preamble nor welcome counts: the engine's offsets begin at its own first byte.
    expect([dialed[i].bytesWritten, channel.bytesWritten]).toEqual([1, 0]);
    channel.destroy();
    dialed[i].destroy();
  }
});

test('a wrong token, a wrong id and a foreign purpose are dropped without a word', async () => {
  const gate = await openGate();
  const wrongToken = { ...gate.ticket, token: newTicket().token };
  const wrongId = { ...gate.ticket, id: newTicket().id };
  await expect(dialer(gate, wrongToken).dial('control')).rejects.toMatchObject({
    code: 'BROKEN',
    message: expect.stringContaining('before it admitted it'),
  });
  await expect(dialer(gate, wrongId).dial('control')).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(dialer(gate).dial('stream')).rejects.toMatchObject({ code: 'BROKEN' });
  const socket = await plainSocket(gate.port);
  const heard: Buffer[] = [];
  socket.on('data', (bytes) => heard.push(bytes));
  socket.write(Buffer.alloc(64, 'GET / HTTP/1.1\r\n'));
  await closed(socket);
  expect(heard).toEqual([]);
});

test.each([
  ['magic', 0],
  ['version', 8],
  ['purpose', 10],
  ['reserved bytes', 12],
])('a preamble with bad %s is dropped, though the ticket is right', async (_, at) => {
  const gate = await openGate();
  const preamble = encodePreamble(gate.ticket, 'control');
  preamble[at] ^= 0x40;
  const socket = await plainSocket(gate.port);
  socket.write(preamble);
  await closed(socket);
});

test('the stream is connected once; the ways back again and again', async () => {
  const gate = await openGate({ purposes: ['stream', 'push'] });
  const stream = await dialer(gate).dial('stream');
  await expect(dialer(gate).dial('stream')).rejects.toMatchObject({ code: 'BROKEN' });
  const push = [await dialer(gate).dial('push'), await dialer(gate).dial('push')];
  for (const channel of [stream, ...push]) channel.destroy();
});

test('whoever sends no preamble, or sends it byte by byte, is dropped in time', async () => {
  const gate = await openGate({ helloMs: 60 });
  const silent = await plainSocket(gate.port);
  const slow = await plainSocket(gate.port);
  const drip = setInterval(() => slow.write(Uint8Array.of(0x58)), 5);
  await Promise.all([closed(silent), closed(slow)]);
  clearInterval(drip);
  expect(gate.strangerCount).toBe(0);
});

test('strangers are bounded, and cannot keep the peer out', async () => {
  const gate = await openGate({ maxStrangers: 3, helloMs: 10_000 });
  const strangers = [];
  for (let i = 0; i < 8; i++) strangers.push(await plainSocket(gate.port));
  await Promise.all(strangers.slice(0, 5).map(closed));
  expect(gate.strangerCount).toBe(3);
  const channel = await dialer(gate).dial('control');
  channel.destroy();
});

test('channels that nobody accepts are bounded: the oldest goes', async () => {
  const gate = await openGate();
  const dialed = [];
  for (let i = 0; i < 5; i++) dialed.push(await dialer(gate).dial('push'));
  await expect(dialed[0].read(new Uint8Array(1))).rejects.toMatchObject({ name: 'ChannelError' });
  await dialed[1].write([Uint8Array.of(9)]);
  const oldestLeft = await gate.accept('push');
  const byte = new Uint8Array(1);
  await oldestLeft.read(byte);
  expect(byte[0]).toBe(9);
  for (const channel of dialed) channel.destroy();
});

test('close() ends waiting accepts and drops what was not accepted; an abort ends one accept', async () => {
  const gate = await openGate({ helloMs: 60_000 });
  const abort = new AbortController();
  const aborted = gate.accept('control', abort.signal);
  abort.abort(new Error('changed my mind'));
  await expect(aborted).rejects.toThrow('changed my mind');
  const waiting = gate.accept('control');
  const unaccepted = await dialer(gate).dial('push');
  const stranger = await plainSocket(gate.port);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await gate.close();
  await expect(waiting).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(unaccepted.read(new Uint8Array(1))).rejects.toMatchObject({ name: 'ChannelError' });
  await closed(stranger);
  await expect(dialer(gate).dial('push')).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(gate.accept('push')).rejects.toMatchObject({ code: 'BROKEN' });
});

test('a port that is taken is said, and nothing is left', async () => {
  const { port } = await openGate();
  await expect(Gate.open({ port, purposes: ['push'] })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('an accepted channel outlives its gate, and the server is really gone', async () => {
  const gate = await openGate();
  const dialed = await dialer(gate).dial('control');
  const accepted = await gate.accept('control');
  const server = (gate as unknown as { server: import('node:net').Server }).server;
  const gone = once(server, 'close');
  await gate.close();
  await gone;
  await dialed.write([Uint8Array.of(5)]);
  const byte = new Uint8Array(1);
  await accepted.read(byte);
  expect(byte[0]).toBe(5);
  accepted.destroy();
  dialed.destroy();
});

test('a bind beyond loopback without TLS is refused and says what to do', async () => {
  await expect(Gate.open({ host: '0.0.0.0', purposes: ['push'] })).rejects.toMatchObject({
    code: 'BIND_REFUSED',
    message: expect.stringContaining('--insecure-plaintext'),
  });
  const waived = await Gate.open({ host: '0.0.0.0', purposes: ['push'], insecurePlaintext: true });
  await waived.close();
});
