/** Real loopback connections for tests, all of which are closed at the end of each test. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { acceptTcp, type Channel, connectTcp } from '../../src/transport/index.js';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

export function afterThisTest(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** A listener and the next connection to it, still paused. */
export async function listenOnce(): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, accepted };
}

/** Two channels that are each other's peer. */
export async function channelPair(): Promise<[dialed: Channel, accepted: Channel]> {
  const { port, accepted } = await listenOnce();
  const dialed = await connectTcp({ host: '127.0.0.1', port });
  const other = acceptTcp(await accepted);
  cleanups.push(() => {
    dialed.destroy();
    other.destroy();
  });
  return [dialed, other];
}

/** A channel whose peer is a plain socket, for peers that misbehave. */
export async function channelAndSocket(): Promise<[Channel, Socket]> {
  const { port, accepted } = await listenOnce();
  const socket = await plainSocket(port);
  const channel = acceptTcp(await accepted);
  cleanups.push(() => channel.destroy());
  return [channel, socket];
}

export function plainSocket(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

/** Resolves when the peer has closed the connection. */
export function closed(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}
