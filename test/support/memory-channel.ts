import { type Channel, ChannelError } from '../../src/migrate/io/channel.js';

/** An aligned copy, so that the bytes of one test cannot change under another. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

/**
 * A channel in memory: reads come from `source`, in pieces of the given sizes (repeated; a turn of the event loop between
 * them), writes are recorded. A write's bytes are copied when it is *taken*, as a transport does, not when it is issued: a
 * writer that changes a buffer too early is found out.
 */
export class MemoryChannel implements Channel {
  bytesWritten = 0;
  bytesRead = 0;
  ended = false;
  private readonly taken: Uint8Array[] = [];
  private queue: Promise<void> = Promise.resolve();
  private gate: Promise<void> = Promise.resolve();
  private openGate: () => void = () => {};
  private destroyed?: Error;
  private piece = 0;

  constructor(
    private readonly source: Uint8Array = new Uint8Array(0),
    private readonly pieces: readonly number[] = [],
  ) {}

  async read(into: Uint8Array): Promise<void> {
    for (let received = 0; received < into.length; ) {
      if (this.destroyed) throw new ChannelError('BROKEN', 'destroyed', received, this.destroyed);
      const available = Math.min(this.source.length - this.bytesRead, this.nextPiece(into.length - received));
      if (available === 0) throw new ChannelError('ENDED', 'the peer ended', received);
      into.set(this.source.subarray(this.bytesRead, this.bytesRead + available), received);
      this.bytesRead += available;
      received += available;
      await Promise.resolve();
    }
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    this.bytesWritten += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.queue = this.queue.then(() => this.gate).then(() => this.take(chunks));
    return this.queue;
  }

  async end(): Promise<void> {
    await this.queue;
    this.ended = true;
  }

  destroy(reason: Error = new Error('destroyed by the test')): void {
    this.destroyed ??= reason;
    this.openGate();
  }

  /** From here on no write is taken until release(). */
  hold(): void {
    this.gate = new Promise((resolve) => {
      this.openGate = resolve;
    });
  }

  release(): void {
    this.openGate();
  }

  /** All bytes taken so far. */
  written(): Uint8Array {
    return concat(this.taken);
  }

  private take(chunks: readonly Uint8Array[]): void {
    if (this.destroyed) throw new ChannelError('BROKEN', 'destroyed', 0, this.destroyed);
    this.taken.push(concat(chunks));
  }

  private nextPiece(most: number): number {
    if (this.pieces.length === 0) return most;
    return Math.min(most, Math.max(1, this.pieces[this.piece++ % this.pieces.length]));
  }
}
