/**
 * What a pager or a page server says of itself while it works, for `xenferry status`: a small file for each, in a folder that only root
 * may write to. It is renamed into place, so that nobody ever reads half of one.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const STATUS_FOLDER = '/run/xenferry/stage3';

/** `pager`: the domain runs here and misses pages. `page-server`: it ran here, and its pages are fetched from here. */
export type Stage3Role = 'pager' | 'page-server';

/**
 * `waiting`: the domain has not been started yet. `broken`: the other end cannot be reached just now. `completed` and `failed` are the
 * last words.
 */
export type Stage3State = 'waiting' | 'running' | 'broken' | 'completed' | 'failed';

export interface Stage3Status {
  readonly role: Stage3Role;
  readonly domid: number;
  readonly name: string;
  readonly pid: number;
  readonly state: Stage3State;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly updatedAt: number;
  /** At the pager: pages that the domain had to do without when it started, and misses now. At the page server: not sent yet. */
  readonly missingAtStart: number;
  readonly missing: number;
  /** The pager's alone. */
  readonly faults?: number;
  readonly faultLatencyMs?: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Of each vCPU. */
  readonly blockedMs?: readonly number[];
  readonly reconnects?: number;
  /** Why it failed, or is broken. */
  readonly reason?: string;
}

export class StatusFile {
  private readonly path: string;

  constructor(
    role: Stage3Role,
    domid: number,
    private readonly folder = STATUS_FOLDER,
  ) {
    this.path = join(folder, `${role}-${domid}.json`);
  }

  /** Never throws: what is told of the work must not end it. */
  write(status: Stage3Status): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${this.path}.new`, `${JSON.stringify(status)}\n`, { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
    } catch {
      // A full disk, or none: the work goes on.
    }
  }
}

/** Of all pagers and page servers on this host, running or ended; a file that is none is left out. */
export function readStatuses(folder = STATUS_FOLDER): Stage3Status[] {
  return names(folder).flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(folder, name), 'utf8')) as Stage3Status];
    } catch {
      return [];
    }
  });
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^(pager|page-server)-\d+\.json$/.test(name));
  } catch {
    return [];
  }
}

/** The process that wrote it is there, and says that it works. */
export function isAtWork({ pid, state }: Stage3Status): boolean {
  if (state === 'completed' || state === 'failed') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
