/** A channel over TCP: no copy on either side, see inbox.ts and writing.ts. */
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { adoptAccepted } from './adopt.js';
import { Inbox } from './inbox.js';
import { SocketChannel } from './socket-channel.js';
import { broken, ended } from './writing.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Connects; rejects with a ChannelError `BROKEN`, or with the signal's reason. */
export async function connectTcp(address: Address, signal?: AbortSignal): Promise<SocketChannel> {
  signal?.throwIfAborted();
  const channel = tcpChannel((onread) =>
    connect({ host: address.host, port: address.port, onread, allowHalfOpen: true }),
  );
  await connected(channel.socket, 'connect', address, signal);
  return channel;
}

/** An accepted connection of a server with `pauseOnConnect`. */
export function acceptTcp(accepted: Socket): SocketChannel {
  return tcpChannel((onread) => adoptAccepted(accepted, onread));
}

function tcpChannel(open: (onread: OnReadOpts) => Socket): SocketChannel {
  const inbox = new Inbox(() => socket.resume());
  const socket = open({
    buffer: () => inbox.target(),
    callback: (count, buffer) => inbox.arrived(count, buffer),
  });
  const channel = new SocketChannel(socket, inbox);
  socket.once('end', () => inbox.fail(ended()));
  socket.resume();
  return channel;
}

/** Waits for `event`; on failure or abort the socket is destroyed. */
export function connected(socket: Socket, event: string, to: Address, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
      if (error !== undefined) socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onEvent = (): void => settle();
    const onError = (error: Error): void => settle(broken(error, `cannot connect to ${to.host}:${to.port}`));
    const onClose = (): void => settle(broken('closed by the peer', `cannot connect to ${to.host}:${to.port}`));
    const onAbort = (): void => settle(signal?.reason);
    socket.once(event, onEvent).once('error', onError).once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
