/** A program run by a recipe. What it prints goes to the part's log; where it fails, the log's end is in the error. */
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { LabError } from '../lab-error.js';

const TAIL_LINES = 15;

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Given to it on its standard input. */
  readonly input?: string | Buffer;
}

/** Returns its standard output. */
export type Command = (program: string, args: readonly string[], options?: CommandOptions) => Promise<Buffer>;

/** Commands whose messages (and output, where they fail) are kept in the file `log`, and which `signal` ends. */
export function commandsLoggedTo(log: string, signal?: AbortSignal): Command {
  mkdirSync(dirname(log), { recursive: true });
  return async (program, args, options = {}) => {
    signal?.throwIfAborted();
    appendFileSync(log, `+ ${program} ${args.join(' ')}\n`);
    const { status, stdout } = await spawned(program, args, options, log, signal);
    signal?.throwIfAborted();
    if (status === 0) return stdout;
    appendFileSync(log, stdout);
    throw new LabError(`${program} ended with ${status}:\n${tailOf(log)}`, `The whole of it: ${log}`);
  };
}

function spawned(
  program: string,
  args: readonly string[],
  { cwd, env, input }: CommandOptions,
  log: string,
  signal: AbortSignal | undefined,
): Promise<{ status: string | number; stdout: Buffer }> {
  return new Promise((resolve, reject) => {
    const messages = openSync(log, 'a');
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', messages],
      // A group of its own: make and debootstrap are ended with all that they have begun.
      detached: true,
    });
    closeSync(messages);
    // Not SIGKILL: debootstrap has file systems to unmount.
    const end = () => {
      if (child.pid !== undefined && child.exitCode === null) endGroup(child.pid);
    };
    signal?.addEventListener('abort', end, { once: true });
    const parts: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => parts.push(part));
    child.once('error', (cause) => reject(new LabError(`cannot run ${program}: ${cause.message}`)));
    child.once('exit', () => signal?.removeEventListener('abort', end));
    child.once('close', (code, killed) => resolve({ status: code ?? String(killed), stdout: Buffer.concat(parts) }));
    // A program may have read enough before it has read all.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGTERM');
  } catch (error) {
    // It has ended by itself, and Node is yet to hear of it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function tailOf(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}
