/** What TCP and TLS channels have in common; they differ in how bytes are received. */
import type { Socket } from 'node:net';
import type { Channel, ChannelError } from '../migrate/io/channel.js';
import { broken, byteCount, endWriting, writeChunks } from './writing.js';

/** A silent peer is probed after this; a channel may rightly be idle for minutes. */
const KEEP_ALIVE_MS = 10_000;

/** The receiving half. */
export interface Receiver {
  read(into: Uint8Array): Promise<void>;
  /** Nothing more will come. The first reason stays. */
  fail(failure: ChannelError): void;
}

export class SocketChannel implements Channel {
  bytesWritten = 0;
  private failure: Error | undefined;

  /** Owns the socket, which is connected or about to be. */
  constructor(
    readonly socket: Socket,
    private readonly receiver: Receiver,
  ) {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', (error) => {
      this.failure ??= error;
    });
    socket.once('close', () => receiver.fail(broken(this.failure ?? 'it was closed')));
  }

  read(into: Uint8Array): Promise<void> {
    return this.receiver.read(into);
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
    this.receiver.fail(broken(this.failure ?? 'it was closed here'));
    this.socket.destroy();
  }
}
