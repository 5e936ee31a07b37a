/** Exact reads from a Node stream in paused mode; the stream's own high-water mark is the back-pressure. */
import type { Readable } from 'node:stream';
import { ChannelError } from '../migrate/io/channel.js';
import { ended } from './writing.js';

export class StreamReader {
  private pending: { into: Uint8Array; received: number; resolve(): void; reject(error: Error): void } | undefined;
  private failure: ChannelError | undefined;

  constructor(private readonly stream: Readable) {
    stream.on('readable', () => this.fill());
    stream.once('end', () => this.fail(ended()));
  }

  read(into: Uint8Array): Promise<void> {
    if (this.pending) return Promise.reject(new TypeError('a channel takes one read at a time'));
    return new Promise((resolve, reject) => {
      this.pending = { into, received: 0, resolve, reject };
      this.fill();
      if (this.failure) this.fail(this.failure);
    });
  }

  fail(failure: ChannelError): void {
    this.failure ??= failure;
    const read = this.pending;
    this.pending = undefined;
    const { code, message, cause } = this.failure;
    read?.reject(new ChannelError(code, message, read.received, cause));
  }

  private fill(): void {
    const read = this.pending;
    if (!read) {
      // 'end' comes only to a stream that is read; this asks without taking anything.
      if (this.stream.readableLength === 0) this.stream.read(0);
      return;
    }
    while (read.received < read.into.length) {
      const want = Math.min(read.into.length - read.received, this.stream.readableLength);
      const chunk: Buffer | null = this.stream.read(want);
      if (!chunk) return;
      read.into.set(chunk, read.received);
      read.received += chunk.length;
    }
    this.pending = undefined;
    read.resolve();
  }
}
