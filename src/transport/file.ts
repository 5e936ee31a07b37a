/** Stream files: whole or not there at all. Nothing here waits for a file on the event loop. */
import { randomBytes } from 'node:crypto';
import { close, constants, fstat, open as openFd, type Stats } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { FdChannel } from './fd.js';

// Plain descriptors, since those are what the channel takes: a FileHandle would close its own.
const openAt = promisify(openFd);
const statOf = promisify(fstat);
const closeFd = promisify(close);

/** A file being written under another name, which commit() puts in its place. */
export class FileSink {
  private constructor(
    readonly channel: FdChannel,
    private readonly temporary: string,
    private readonly path: string,
  ) {}

  /**
   * Rejects with what open(2) says, or if something other than a regular file stands there: it would be replaced, and may be
   * a device. The file is the owner's alone (0600): it holds a guest's memory.
   */
  static async create(path: string): Promise<FileSink> {
    const existing = await stat(path).catch(unlessMissing);
    if (existing) assertRegular(existing);
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
    const fd = await openAt(temporary, 'wx', 0o600);
    return new FileSink(new FdChannel(fd, { sync: true }), temporary, path);
  }

  /** Resolves when the file and its name are on the disk; an older file of this name is replaced. */
  async commit(): Promise<void> {
    await this.channel.end();
    await rename(this.temporary, this.path);
    const directory = await open(dirname(this.path), 'r');
    await directory.sync().finally(() => directory.close());
  }

  /** Leaves nothing behind. */
  async abort(reason?: Error): Promise<void> {
    this.channel.destroy(reason);
    await rm(this.temporary, { force: true });
  }
}

/** Rejects with what open(2) says, or if it is no regular file. */
export async function openFileSource(path: string): Promise<FdChannel> {
  // Without O_NONBLOCK, to open a FIFO is to wait for its writer. It changes nothing for a regular file.
  const fd = await openAt(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    assertRegular(await statOf(fd));
    return new FdChannel(fd);
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

function assertRegular(stats: Stats): void {
  if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a regular file`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isSocket() ? 'a socket' : 'a device';
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
