/**
 * One direction of a channel: a TCP connection's send buffer, what is on the wire, and the receive buffer. All of it is
 * one ring of bytes with a mark where each part begins, so a byte is copied twice on its way, as by a kernel.
 */
import { ByteRing } from './byte-ring.js';
import { ChannelError } from './channel-error.js';

/** Where a flow asks for its turn on the wire. */
export interface Wire {
  /** The flow has bytes that may go, or its end to tell. */
  ready(flow: Flow): void;
}

export interface FlowLimits {
  readonly sendBuffer: number;
  /** Bytes that may be on the wire and in the receive buffer together. */
  readonly window: number;
}

interface PendingWrite {
  readonly chunks: readonly Uint8Array[];
  chunk: number;
  offset: number;
  resolve(): void;
  reject(error: Error): void;
}

interface PendingRead {
  readonly into: Uint8Array;
  received: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Flow {
  private readonly ring: ByteRing;
  private readonly writes: PendingWrite[] = [];
  private pendingRead: PendingRead | undefined;
  /** Bytes of the ring that are still in the send buffer, and those that have arrived. The rest is on the wire. */
  private unsent = 0;
  private arrivedBytes = 0;
  private ending: 'open' | 'asked' | 'sent' | 'told' = 'open';
  private writerFailure: ChannelError | undefined;
  private readerFailure: ChannelError | undefined;
  private stopped = false;
  written = 0;

  constructor(
    private readonly wire: Wire,
    private readonly limits: FlowLimits,
  ) {
    this.ring = new ByteRing(limits.sendBuffer + limits.window);
  }

  // The writer's side.

  write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.writerFailure) return Promise.reject(this.writerFailure);
    if (this.ending !== 'open') return Promise.reject(new ChannelError('BROKEN', 'write after end()'));
    for (const chunk of chunks) this.written += chunk.length;
    return new Promise((resolve, reject) => {
      this.writes.push({ chunks, chunk: 0, offset: 0, resolve, reject });
      if (this.writes.length === 1) this.fill();
    });
  }

  /** Resolves when all writes have been taken; the end follows them. */
  async end(): Promise<void> {
    if (this.ending !== 'open') return;
    const taken = this.write([]);
    if (!this.writerFailure) this.ending = 'asked';
    await taken;
    this.wire.ready(this);
  }

  /** end() was called, and everything is in the buffer. */
  get draining(): boolean {
    return this.ending !== 'open' && this.writes.length === 0;
  }

  failWriter(failure: ChannelError): void {
    this.writerFailure ??= failure;
    for (const write of this.writes.splice(0)) write.reject(this.writerFailure);
  }

  /** The reader has gone after an end of its own: nobody takes data any more, nor need be told of an end. */
  refuse(failure: ChannelError): void {
    this.failWriter(failure);
    this.ending = 'told';
  }

  // The wire's side.

  /** stop() was called. */
  get lost(): boolean {
    return this.stopped;
  }

  /** Bytes that may go now. */
  get sendable(): number {
    return this.stopped ? 0 : Math.min(this.unsent, this.limits.window - (this.ring.length - this.unsent));
  }

  /** `bytes` have left the send buffer. */
  sent(bytes: number): void {
    if (this.stopped) return;
    this.unsent -= bytes;
    this.fill();
  }

  /** True once: when the last byte has left and the end is to be sent after it. */
  takeEnd(): boolean {
    if (this.stopped || this.ending !== 'asked' || this.unsent > 0 || this.writes.length > 0) return false;
    this.ending = 'sent';
    return true;
  }

  arrived(bytes: number): void {
    if (this.stopped) return;
    this.arrivedBytes += bytes;
    this.serve();
  }

  endArrived(): void {
    if (this.stopped) return;
    this.ending = 'told';
    this.serve();
  }

  /** What is on its way is lost and nothing more will come. What has arrived can still be read, as from a socket. */
  stop(): void {
    this.stopped = true;
    this.ring.keep(this.arrivedBytes);
    this.unsent = 0;
  }

  // The reader's side.

  read(into: Uint8Array): Promise<void> {
    if (this.pendingRead) return Promise.reject(new TypeError('a channel takes one read at a time'));
    return new Promise((resolve, reject) => {
      this.pendingRead = { into, received: 0, resolve, reject };
      this.serve();
    });
  }

  /** Reads fail once what has arrived is used up. */
  failReader(failure: ChannelError): void {
    this.readerFailure ??= failure;
    this.serve();
  }

  /** The reader itself gives up: what has arrived is dropped too. */
  abandon(failure: ChannelError): void {
    this.arrivedBytes = 0;
    this.stop();
    this.failReader(failure);
  }

  /** The peer's end has been told to the reader, or would be by the next read. */
  get finished(): boolean {
    return this.ending === 'told' && this.arrivedBytes === 0;
  }

  get readWaits(): string | undefined {
    const read = this.pendingRead;
    return read && `read of ${read.into.length} bytes (${read.received} came)`;
  }

  get writeWaits(): string | undefined {
    return this.writes.length > 0 ? `${this.writes.length} writes` : undefined;
  }

  /** Takes bytes of waiting writes into the send buffer, as far as there is room. */
  private fill(): void {
    for (let write = this.writes[0]; write !== undefined; write = this.writes[0]) {
      if (!this.takeIn(write)) break;
      this.writes.shift();
      write.resolve();
    }
    this.wire.ready(this);
  }

  private takeIn(write: PendingWrite): boolean {
    for (; write.chunk < write.chunks.length; write.chunk++, write.offset = 0) {
      const chunk = write.chunks[write.chunk];
      const count = Math.min(chunk.length - write.offset, this.limits.sendBuffer - this.unsent);
      this.ring.put(chunk, write.offset, count);
      this.unsent += count;
      write.offset += count;
      if (write.offset < chunk.length) return false;
    }
    return true;
  }

  /** Gives the waiting read what has arrived, and settles it if that is enough or all there will be. */
  private serve(): void {
    const read = this.pendingRead;
    if (!read) return;
    const count = Math.min(this.arrivedBytes, read.into.length - read.received);
    if (count > 0) {
      this.ring.take(read.into, read.received, count);
      read.received += count;
      this.arrivedBytes -= count;
      this.wire.ready(this);
    }
    if (read.received === read.into.length) this.settleRead();
    else if (this.readerFailure) this.settleRead(this.readerFailure);
    else if (this.ending === 'told') this.settleRead(new ChannelError('ENDED', 'the peer ended the channel'));
  }

  private settleRead(failure?: ChannelError): void {
    const read = this.pendingRead;
    this.pendingRead = undefined;
    if (failure) read?.reject(failure.after(read.received));
    else read?.resolve();
  }
}
