/** Short commands, and what they said. */
import { spawn } from 'node:child_process';

export interface Outcome {
  /** undefined: ended by a signal, or could not be started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** It could not be started: what spawn said. */
  readonly failure?: NodeJS.ErrnoException;
  readonly timedOut: boolean;
}

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/** More than this of either output is not kept. */
const MOST_OUTPUT = 1 << 20;

/**
 * Runs it to its end, in a session of its own: Ctrl-C on the terminal is for us to hand on, and nothing can stop to ask for a password.
 * Rejects only if `signal` is aborted.
 */
export function run(file: string, args: readonly string[], { timeoutMs, signal, env }: RunOptions): Promise<Outcome> {
  signal?.throwIfAborted();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const end = (): void => endGroup(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs);
    const settle = (code: number | null, failure?: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ code: code ?? undefined, stdout: stdout(), stderr: stderr(), failure, timedOut });
    };
    signal?.addEventListener('abort', end, { once: true });
    child.once('error', (error) => settle(null, error));
    child.once('close', (code) => settle(code));
  });
}

/** Of a process started with `detached`, with all that it has started. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (part: Buffer) => {
    if (bytes < MOST_OUTPUT) parts.push(part);
    bytes += part.length;
  });
  return () => Buffer.concat(parts).toString('utf8');
}
