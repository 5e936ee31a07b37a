/**
 * The stream's descriptor as a channel: a pipe, a socket or a file that `xl` has opened and goes on using when the helper has
 * ended. Unlike transport/fd.ts's it can be called off while the other end is silent, since SIGTERM may come at any moment; and
 * what can be done at once is done without a thread.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { type Channel, ChannelError } from '../../migrate/index.js';
import type { FdOps, FdResult } from '../../native/index.js';
import { errnoText } from './failure.js';

/** Writes up to this are tried at once. Longer ones would keep the event loop from preparing the next. */
const SHORT_WRITE = 64 << 10;
/** A pipe has room for 64 KiB by default; each time it is full or empty costs a change of processes. */
const PIPE_BYTES = 256 << 10;
const CANCEL = new Uint8Array(new BigUint64Array([1n]).buffer);

export class StreamChannel implements Channel {
  bytesWritten = 0;
  private readonly cancel: number;
  private readonly writeFd: number;
  private failure: ChannelError | undefined;
  private reading = false;
  private closed = false;
  /** Writes that have been issued and are not done. */
  private pending = 0;
  private tail: Promise<void> = Promise.resolve();
  private lastRead: Promise<FdResult> | undefined;

  /** `fd` itself stays open. @throws what open(2) or eventfd(2) says */
  constructor(
    private readonly ops: FdOps,
    private readonly fd: number,
    direction: 'read' | 'write',
  ) {
    this.cancel = ops.fdCancel();
    if (this.cancel < 0) throw systemError('eventfd', -this.cancel);
    const isPipe = fstatSync(fd).isFIFO();
    if (isPipe) ops.fdPipeSize(fd, PIPE_BYTES);
    // A pipe opened anew has flags of its own, so that not to block does not concern xl.
    this.writeFd =
      isPipe && direction === 'write' ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK) : fd;
  }

  read(into: Uint8Array): Promise<void> {
    return this.readv([into]);
  }

  async readv(into: readonly Uint8Array[]): Promise<void> {
    if (this.reading) throw new TypeError('a channel takes one read at a time');
    if (this.closed) throw closedHere();
    this.reading = true;
    try {
      const wanted = into.reduce((sum, { length }) => sum + length, 0);
      const now = this.ops.fdRead(this.fd, this.cancel, into, false);
      const received = needsMore(now) ? await this.readRest(into, now[0]) : this.checked('reading', now);
      if (received < wanted) {
        throw new ChannelError('ENDED', `the stream ends ${wanted - received} bytes too early`, received);
      }
    } finally {
      this.reading = false;
    }
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.closed) return Promise.reject(closedHere());
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.bytesWritten += bytes;
    if (this.pending === 0 && bytes <= SHORT_WRITE) {
      const now = this.ops.fdWrite(this.writeFd, this.cancel, chunks, false);
      if (!needsMore(now)) return this.settled(now);
      return this.queue(() => rest(chunks, now[0]));
    }
    return this.queue(() => chunks);
  }

  async end(): Promise<void> {
    await this.tail;
  }

  destroy(reason?: Error): void {
    if (this.failure || this.closed) return;
    this.failure = new ChannelError('BROKEN', reason?.message ?? 'it was closed here', 0, reason);
    writeSync(this.cancel, CANCEL);
  }

  /** Ends what is under way, and lets go of all but `fd`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    if (this.reading || this.pending > 0) this.destroy();
    this.closed = true;
    await Promise.allSettled([this.tail, this.lastRead]);
    closeSync(this.cancel);
    if (this.writeFd !== this.fd) closeSync(this.writeFd);
  }

  private async readRest(into: readonly Uint8Array[], received: number): Promise<number> {
    this.lastRead = this.ops.fdRead(this.fd, this.cancel, rest(into, received), true);
    return received + this.checked('reading', await this.lastRead);
  }

  private async settled(result: FdResult): Promise<void> {
    this.checked('writing', result);
  }

  /** A write that fails fails those behind it as well: the stream has a hole. */
  private queue(chunks: () => readonly Uint8Array[]): Promise<void> {
    this.pending++;
    const write = this.tail
      .then(() => this.ops.fdWrite(this.writeFd, this.cancel, chunks(), true))
      .then((result) => void this.checked('writing', result))
      .finally(() => this.pending--);
    this.tail = write;
    // The chain may be rejected while nobody waits for it; whoever called write() is told.
    this.tail.catch(() => undefined);
    return write;
  }

  private checked(doing: string, [bytes, errno]: FdResult): number {
    if (errno === 0 && !this.failure) return bytes;
    if (!this.failure) this.destroy(systemError(doing, errno));
    throw this.failure;
  }
}

/** Its descriptors may be others' by now. */
function closedHere(): ChannelError {
  return new ChannelError('BROKEN', 'it was closed here');
}

const EAGAIN = 11;

function needsMore([, errno]: FdResult): boolean {
  return errno === EAGAIN;
}

/** What of `chunks` lies behind the first `done` bytes. */
function rest(chunks: readonly Uint8Array[], done: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (done < chunk.length) left.push(chunk.subarray(done));
    done = Math.max(0, done - chunk.length);
  }
  return left;
}

function systemError(doing: string, errno: number): Error {
  return Object.assign(new Error(`${doing} the stream failed: ${errnoText(errno)}`), { errno });
}
