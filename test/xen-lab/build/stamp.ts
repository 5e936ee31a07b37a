/** A stamp says what a part was built from: where recipe and inputs are the same, the part need not be built again. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Hex SHA-256 over texts; their boundaries count. */
export function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  return hash.digest('hex');
}

/** A file's content, or a folder's names, modes and contents, as one digest. */
export function digestOfPath(path: string): string {
  const stat = statSync(path);
  if (!stat.isDirectory()) return digestOf([(stat.mode & 0o111) === 0 ? '-' : 'x', readFileSync(path, 'latin1')]);
  const names = readdirSync(path).sort();
  return digestOf(names.flatMap((name) => [name, digestOfPath(join(path, name))]));
}

export class Stamps {
  constructor(private readonly dir: string) {}

  holds(part: string, digest: string): boolean {
    try {
      return readFileSync(this.file(part), 'utf8') === digest;
    } catch {
      return false;
    }
  }

  /** Before a part is built, so that one half built does not look whole. */
  drop(part: string): void {
    rmSync(this.file(part), { force: true });
  }

  put(part: string, digest: string): void {
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(this.file(part), digest);
  }

  private file(part: string): string {
    return join(this.dir, part);
  }
}
