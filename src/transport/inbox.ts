/**
 * The receiving half of a TCP channel. The kernel writes straight into the buffer that the reader named, which may be
 * guest memory. Bytes that come before anyone asked for them go to a small read-ahead buffer: it makes one system call
 * of many short reads (record headers, single pages), and it is so small that hardly any page is copied.
 */
import { ChannelError } from '../migrate/io/channel.js';

/** Measured: for 4 MiB records 4 to 256 KiB are alike; for reads of a page each, 64 KiB is a third faster than 4. */
const READ_AHEAD_BYTES = 64 * 1024;

interface PendingRead {
  readonly into: Uint8Array;
  received: number;
  resolve(): void;
  reject(error: ChannelError): void;
}

export class Inbox {
  private readonly ahead = new Uint8Array(READ_AHEAD_BYTES);
  /** The unread bytes of `ahead` are [start, end). */
  private start = 0;
  private end = 0;
  private pending: PendingRead | undefined;
  private failure: ChannelError | undefined;

  /** `wake` is called when a read waits and nothing is left over: bytes are wanted from the socket. */
  constructor(private readonly wake: () => void) {}

  read(into: Uint8Array): Promise<void> {
    if (this.pending) return Promise.reject(new TypeError('a channel takes one read at a time'));
    const received = this.takeAhead(into);
    if (received === into.length) return Promise.resolve();
    if (this.failure) return Promise.reject(withCount(this.failure, received));
    return new Promise((resolve, reject) => {
      this.pending = { into, received, resolve, reject };
      this.wake();
    });
  }

  /** Where the next bytes shall go. Never empty: the read-ahead buffer is only refilled once it has been read. */
  target(): Uint8Array {
    return this.pending ? this.pending.into.subarray(this.pending.received) : this.ahead;
  }

  /** `count` bytes were written to `buffer`, which target() gave. Returns whether there is room for more. */
  arrived(count: number, buffer: Uint8Array): boolean {
    const read = this.pending;
    if (buffer === this.ahead) {
      this.start = 0;
      this.end = count;
      if (read) read.received += this.takeAhead(read.into.subarray(read.received));
    } else if (read) {
      read.received += count;
    }
    if (read && read.received === read.into.length) {
      this.pending = undefined;
      read.resolve();
    }
    return this.start === this.end;
  }

  /** Nothing more will come. The first reason stays. */
  fail(failure: ChannelError): void {
    this.failure ??= failure;
    const read = this.pending;
    this.pending = undefined;
    read?.reject(withCount(this.failure, read.received));
  }

  private takeAhead(into: Uint8Array): number {
    const count = Math.min(into.length, this.end - this.start);
    into.set(this.ahead.subarray(this.start, this.start + count));
    this.start += count;
    return count;
  }
}

/** The same failure with the bytes this one read had got. */
function withCount(failure: ChannelError, received: number): ChannelError {
  return new ChannelError(failure.code, failure.message, received, failure.cause);
}
