/** The processes that another one has started. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Child {
  readonly pid: number;
  readonly args: readonly string[];
}

export function childrenOf(parent: number): Child[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
    .map((pid) => ({ pid, args: read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1) }));
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child.pid, ...descendantsOf(child.pid)]);
}

export function isRunning(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** The fourth field of stat; the second, in brackets, may hold anything. A zombie counts as gone. */
function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || parent === undefined ? undefined : Number(parent);
}

/** Empty if it has gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
