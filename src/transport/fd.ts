/**
 * A channel over a file or an inherited descriptor (stdin, stdout, a pipe from the toolstack). Reads and writes are
 * blocking system calls on libuv's threads, straight from and to the caller's memory.
 *
 * A read that is blocked in the kernel (an idle pipe) cannot be called back: after destroy() it still owns its target,
 * and the descriptor stays open until it returns.
 */
import { close, fsync, read, readv, writev } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Channel, ChannelError } from '../migrate/io/channel.js';
import { broken, byteCount } from './writing.js';

const readFd = promisify(read);
const readvFd = promisify(readv);
const writevFd = promisify(writev);
const syncFd = promisify(fsync);
const closeFd = promisify(close);

/** Linux's IOV_MAX: vectors that one writev takes. */
const IOV_MAX = 1024;
/** A descriptor that someone set to O_NONBLOCK is asked again after this. */
const RETRY_MS = 2;

export class FdChannel implements Channel {
  bytesWritten = 0;
  private reading = false;
  private failure: ChannelError | undefined;
  private writes: Promise<void> = Promise.resolve();
  private operations = 0;
  private closed = false;

  /**
   * Closes `fd` when it ends or is destroyed, unless `keepOpen`.
   * `sync`: end() resolves when the bytes are on the disk.
   */
  constructor(
    private readonly fd: number,
    private readonly options: { readonly keepOpen?: boolean; readonly sync?: boolean } = {},
  ) {}

  read(into: Uint8Array): Promise<void> {
    return this.readv([into]);
  }

  async readv(into: readonly Uint8Array[]): Promise<void> {
    if (this.reading) throw new TypeError('a channel takes one read at a time');
    this.reading = true;
    try {
      await this.operation(() => this.fill(into));
    } finally {
      this.reading = false;
    }
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    this.bytesWritten += byteCount(chunks);
    const write = this.writes.then(() => this.operation(() => this.drain(chunks)));
    // A failed write fails those behind it as well: the stream has a hole.
    write.catch((error: unknown) => this.destroy(broken(error)));
    this.writes = write;
    // The chain may be rejected while nobody waits for it; whoever called write() is told.
    this.writes.catch(() => undefined);
    return write;
  }

  async end(): Promise<void> {
    await this.writes;
    if (this.options.sync) await this.operation(() => syncFd(this.fd));
    await this.release();
  }

  destroy(reason?: Error): void {
    this.failure ??= broken(reason ?? 'it was closed here');
    void this.release().catch(() => undefined);
  }

  /** Nothing is closed under an operation that is under way: its number might be another file's by then. */
  private async operation(work: () => Promise<void>): Promise<void> {
    if (this.failure) throw this.failure;
    this.operations++;
    try {
      await work();
    } catch (error) {
      throw this.failure ?? broken(error, 'reading or writing failed');
    } finally {
      this.operations--;
      if (this.failure) await this.release();
    }
  }

  private async release(): Promise<void> {
    if (this.closed || this.operations > 0) return;
    this.closed = true;
    this.failure ??= broken('it was ended here');
    if (!this.options.keepOpen) await closeFd(this.fd);
  }

  private async fill(into: readonly Uint8Array[]): Promise<void> {
    let left = into.filter((chunk) => chunk.length > 0);
    let received = 0;
    while (left.length > 0) {
      const bytes = await this.retried(() => this.readSome(left));
      if (bytes === 0) throw new ChannelError('ENDED', `the file ends ${byteCount(left)} bytes too early`, received);
      received += bytes;
      left = dropBytes(left, bytes);
    }
  }

  private async readSome(into: readonly Uint8Array[]): Promise<number> {
    const [first] = into;
    const { bytesRead } =
      into.length === 1
        ? await readFd(this.fd, first, 0, first.length, null)
        : await readvFd(this.fd, into.slice(0, IOV_MAX));
    return bytesRead;
  }

  private async drain(chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks.filter((chunk) => chunk.length > 0);
    while (left.length > 0) {
      const { bytesWritten } = await this.retried(() => writevFd(this.fd, left.slice(0, IOV_MAX)));
      left = dropBytes(left, bytesWritten);
    }
  }

  private async retried<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.failure) throw this.failure;
      try {
        return await call();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await sleep(RETRY_MS);
      }
    }
  }
}

function dropBytes(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0;
  while (index < chunks.length && bytes >= chunks[index].length) bytes -= chunks[index++].length;
  const left = chunks.slice(index);
  if (bytes > 0) left[0] = left[0].subarray(bytes);
  return left;
}
