/**
 * What happens to a domain whose pager is killed: its vCPUs would wait for ever for pages that nobody brings, and Xen lets nobody else
 * take the pager's place. So a shell waits for the pager's end, which the kernel tells it of by a pipe, and then starts what gives the
 * domain up (bereaved.ts); unless the pager has said before that all is well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Beside this file, or, from the save helper's bundle, where it would be. */
const BEREAVED = ['.', join('..', 'libxl', 'stage3')]
  .map((folder) => join(__dirname, folder, 'bereaved.js'))
  .find((path) => existsSync(path)) as string;
/** A line comes, or the pipe ends. */
const SCRIPT = 'read -r well || exec "$@"';

export class Guard implements Disposable {
  private constructor(private readonly shell: ChildProcess) {}

  /** `uuid`: a domid may be given again. */
  static start(domid: number, uuid: string, program = [process.execPath, BEREAVED]): Guard {
    const args = ['-c', SCRIPT, 'xenferry-guard', ...program, String(domid), uuid];
    // Of a session of its own: what ends the pager is not to end its guard.
    const shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    return new Guard(shell);
  }

  /** Nothing is missing any more. */
  well(): void {
    this.shell.stdin?.end('well\n');
  }

  /** Without such a word it looks for itself: where the domain is there and misses pages, it is given up. */
  [Symbol.dispose](): void {
    this.shell.stdin?.end();
  }
}
