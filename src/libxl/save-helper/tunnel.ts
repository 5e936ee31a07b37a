/**
 * The way back between two hosts: an ssh that is told to listen over there, on loopback, and leads to our listener here. Its other end is
 * where the destination dials. It belongs to this process: xl's own ssh ends with xl, and post-copy goes on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { MigrationError } from '../../migrate/index.js';
import { abortable } from '../../migrate/io/abortable.js';

/** An ssh that stands may be dead without a word; one that cannot listen is of no use; nobody is here to be asked. */
const OPTIONS = [
  ...[
    'ExitOnForwardFailure=yes',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=3',
    'BatchMode=yes',
    'ConnectTimeout=5',
  ],
  // One that another ssh holds would end with that; and what it says must be said aloud.
  ...['ControlPath=none', 'LogLevel=INFO'],
].map((option) => `-o ${option}`);

const PATIENCE_MS = 20_000;
const PAUSE_MS = 1000;
/** Of what it says only so much is kept, in characters. */
const MOST_KEPT = 4096;
const MOST_TOLD = 200;

export interface TunnelOptions {
  /** Reaches the other host, as the shell reads it: `ssh dom0-2`. */
  readonly command: string;
  /** Ours, on loopback. */
  readonly port: number;
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly patienceMs?: number;
  readonly pauseMs?: number;
}

export class Tunnel implements AsyncDisposable {
  private readonly over = new AbortController();
  private readonly kept: Promise<void>;

  private constructor(
    private readonly options: TunnelOptions,
    private readonly remotePort: number,
    private ssh: Ssh,
  ) {
    this.kept = this.keep();
  }

  /** @throws MigrationError NO_RETURN_CHANNEL, or the signal's reason; no process is left then. */
  static async open(options: TunnelOptions): Promise<Tunnel> {
    const { command, port, signal, patienceMs = PATIENCE_MS } = options;
    signal?.throwIfAborted();
    const ssh = new Ssh(command, `0:127.0.0.1:${port}`);
    const late = AbortSignal.timeout(patienceMs);
    const stop = signal ? AbortSignal.any([signal, late]) : late;
    try {
      return new Tunnel(options, await abortable(ssh.allocated, stop), ssh);
    } catch (error) {
      await ssh.end();
      if (signal?.aborted) throw error;
      const why = late.aborted ? `it did not listen there within ${patienceMs / 1000} s` : (error as Error).message;
      throw noTunnel(command, why, ssh.said);
    }
  }

  /** As the other host dials it. */
  get address(): string {
    return `127.0.0.1:${this.remotePort}`;
  }

  /** When it resolves there is no ssh any more, and none will be started. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.over.abort();
    await this.ssh.end();
    await this.kept;
  }

  /** The destination goes on dialing the address that it was told, so that is where a new one must listen. */
  private async keep(): Promise<void> {
    const { command, port, pauseMs = PAUSE_MS } = this.options;
    const { signal } = this.over;
    for (;;) {
      await this.ssh.ended;
      await this.ssh.end(); // what it has started
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.ssh = new Ssh(command, `${this.remotePort}:127.0.0.1:${port}`);
    }
  }
}

/** One run of the command. */
class Ssh {
  /** Resolves to the port over there; rejects when there will be none. */
  readonly allocated: Promise<number>;
  readonly ended: Promise<void>;
  /** The last that it said. */
  said = '';
  private readonly child: ChildProcess;

  constructor(command: string, forward: string) {
    const script = `${command} -N -T ${OPTIONS.join(' ')} -R ${forward}`;
    // A group of its own, so that it can be ended with all that it starts; and nothing of ours but the way in which it tells.
    this.child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    this.ended = new Promise((resolve) => {
      this.child.once('error', () => resolve());
      this.child.once('exit', () => resolve());
    });
    this.allocated = new Promise((resolve, reject) => {
      this.child.stderr?.setEncoding('latin1').on('data', (text: string) => {
        this.said = (this.said + text).slice(-MOST_KEPT);
        const port = allocatedPort(this.said);
        if (port !== undefined) settle(port, resolve, reject);
      });
      this.child.once('error', reject);
      // Closed, and not only ended: then all has been read that it said.
      this.child.once('close', (status, by) => reject(new Error(`it ended (${by ?? `status ${status}`})`)));
    });
    this.allocated.catch(() => undefined); // of a later one nobody asks
  }

  async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.child;
    if (pid !== undefined) killGroup(pid);
    if (exitCode === null && signalCode === null) await this.ended;
    this.child.stderr?.destroy();
  }
}

/** Out of what ssh said, in the words that OpenSSH has had since 5.2; undefined while it has not been said. */
export function allocatedPort(said: string): number | undefined {
  const [, digits] = /\bAllocated port (\d{1,10}) for remote forward\b/.exec(said) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function settle(port: number, resolve: (port: number) => void, reject: (error: Error) => void): void {
  if (port >= 1 && port <= 65535) resolve(port);
  else reject(new Error(`it says that it listens at port ${port}, which is none`));
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function noTunnel(command: string, why: string, said: string): MigrationError {
  const last = said
    .trim()
    .split(/[\r\n]+/)
    .at(-1)
    ?.replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, MOST_TOLD);
  const message = `the destination cannot be given a way back to this host: "${command}" was to listen over there, and ${why}${last ? `: ${last}` : ''}`;
  return new MigrationError('NO_RETURN_CHANNEL', message, {
    survivor: 'source',
    remedy: `"${command} true" must work as root without a prompt, and sshd over there must allow forwarding (AllowTcpForwarding); or use --strategy precopy, which needs no way back`,
  });
}
