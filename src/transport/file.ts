/** Stream files: whole or not there at all. */
import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FdChannel } from './fd.js';

/** A file being written under another name, which commit() puts in its place. */
export class FileSink {
  private constructor(
    readonly channel: FdChannel,
    private readonly temporary: string,
    private readonly path: string,
  ) {}

  /** Throws what open(2) says. The file is the owner's alone (0600): it holds a guest's memory. */
  static create(path: string): FileSink {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
    const fd = openSync(temporary, 'wx', 0o600);
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

export function openFileSource(path: string): FdChannel {
  return new FdChannel(openSync(path, 'r'));
}
