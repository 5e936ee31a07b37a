/**
 * Recorded sets of the domains that have come here by post-copy, a file each, until they leave again. They are hints: one that cannot
 * be read is none, and one that cannot be written is done without.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRecordedSet, encodeRecordedSet, MAX_RECORDED_SET, type RecordedSet } from '../../migrate/index.js';

export const RECORDED_FOLDER = '/var/lib/xenferry/recorded';

/** Those of domains that were destroyed here stay behind. */
const MOST_FILES = 256;

export class RecordedSets {
  constructor(private readonly folder = RECORDED_FOLDER) {}

  /** Empty if there is none. */
  read(uuid: string): RecordedSet {
    try {
      const path = this.path(uuid);
      if (statSync(path).size > MAX_RECORDED_SET) return [];
      return decodeRecordedSet(readFileSync(path));
    } catch {
      return [];
    }
  }

  write(uuid: string, set: RecordedSet): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      this.makeRoom();
      const path = this.path(uuid);
      writeFileSync(`${path}.new`, encodeRecordedSet(set), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      // A full disk: the next migration has more faults.
    }
  }

  /** The domain has left. */
  forget(uuid: string): void {
    try {
      rmSync(this.path(uuid), { force: true });
    } catch {
      // As with write().
    }
  }

  private makeRoom(): void {
    const files = readdirSync(this.folder).map((name) => join(this.folder, name));
    if (files.length < MOST_FILES) return;
    const age = new Map(files.map((path) => [path, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0]));
    files.sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0));
    for (const path of files.slice(0, files.length - MOST_FILES + 1)) rmSync(path, { force: true });
  }

  private path(uuid: string): string {
    if (!/^[0-9a-f-]{36}$/.test(uuid)) throw new RangeError(`"${uuid}" is no uuid`);
    return join(this.folder, uuid);
  }
}
