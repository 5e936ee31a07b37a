/** A channel over TCP: no copy on either side, see inbox.ts and writing.ts. */
import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Channel } from '../migrate/io/channel.js';
import { adoptAccepted } from './adopt.js';
import { Inbox } from './inbox.js';
import { broken, byteCount, ended, endWriting, writeChunks } from './writing.js';

/** A silent peer is probed after this; a channel may rightly be idle for minutes. */
const KEEP_ALIVE_MS = 10_000;

export class TcpChannel implements Channel {
  bytesWritten = 0;
  readonly socket: Socket;
  private readonly inbox = new Inbox(() => this.socket.resume());
  private failure: Error | undefined;

  constructor(open: (onread: OnReadOpts) => Socket) {
    this.socket = open({
      buffer: () => this.inbox.target(),
      callback: (count, buffer) => this.inbox.arrived(count, buffer),
    });
    this.socket.setNoDelay(true);
    this.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.socket.on('error', (error) => {
      this.failure ??= error;
    });
    this.socket.once('end', () => this.inbox.fail(ended()));
    this.socket.once('close', () => this.inbox.fail(broken(this.failure ?? 'it was closed')));
    this.socket.resume();
  }

  read(into: Uint8Array): Promise<void> {
    return this.inbox.read(into);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    this.bytesWritten += byteCount(chunks);
    return writeChunks(this.socket, chunks).catch((error: unknown) => {
      throw broken(this.failure ?? error);
    });
  }

  end(): Promise<void> {
    return endWriting(this.socket);
  }

  destroy(reason?: Error): void {
    this.failure ??= reason;
    this.inbox.fail(broken(this.failure ?? 'it was closed here'));
    this.socket.destroy();
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Connects; rejects with a ChannelError `BROKEN`, or with the signal's reason. */
export async function connectTcp(address: Address, signal?: AbortSignal): Promise<TcpChannel> {
  signal?.throwIfAborted();
  const channel = new TcpChannel((onread) =>
    connect({ host: address.host, port: address.port, onread, allowHalfOpen: true }),
  );
  await connected(channel.socket, 'connect', address, signal);
  return channel;
}

/** An accepted connection of a server with `pauseOnConnect`. */
export function acceptTcp(accepted: Socket): TcpChannel {
  return new TcpChannel((onread) => adoptAccepted(accepted, onread));
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
