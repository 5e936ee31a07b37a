/** dom0's shell, by ssh over one connection that is kept open. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST_KEY_ALIAS } from '../build/keys.js';
import { LabError } from '../lab-error.js';

export interface SshAddress {
  readonly port: number;
  readonly key: string;
  readonly knownHosts: string;
  /** Path of the socket through which one connection is shared; none: a connection for each command. */
  readonly control?: string;
}

export function sshArguments({ port, key, knownHosts, control }: SshAddress): string[] {
  const options = {
    IdentitiesOnly: 'yes',
    IdentityFile: key,
    UserKnownHostsFile: knownHosts,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    HostKeyAlias: HOST_KEY_ALIAS,
    BatchMode: 'yes',
    LogLevel: 'ERROR',
    ConnectTimeout: '30',
    ControlPath: control ?? 'none',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', ...flags, '-p', String(port), 'root@127.0.0.1'];
}

/** dom0 may be busy, and is slow at best. */
const PATIENCE_S = 180;

/** A connection that later commands share, kept until `end` is called. */
export class SshConnection {
  private master: ChildProcess | undefined;
  private messages = '';
  private ended = false;

  private constructor(
    private readonly address: SshAddress,
    private readonly program: readonly string[],
  ) {}

  /** @param prefix of ssh's command line, e.g. `['nice']` */
  static async open(address: SshAddress, prefix: readonly string[] = [], signal?: AbortSignal): Promise<SshConnection> {
    const connection = new SshConnection(address, [...prefix, 'ssh', '-M', '-N', ...sshArguments(address)]);
    try {
      await connection.untilOpen(signal);
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  end(): void {
    this.ended = true;
    this.master?.kill('SIGKILL');
  }

  private async untilOpen(signal?: AbortSignal): Promise<void> {
    this.dial();
    for (const end = Date.now() + PATIENCE_S * 1000; Date.now() < end; ) {
      signal?.throwIfAborted();
      if (await isOpen(this.address)) return;
      await sleep(300);
    }
    throw new LabError(`dom0 cannot be reached by ssh:\n${this.messages.slice(-2000)}`);
  }

  /** As often as it takes. */
  private dial(): void {
    const [name, ...args] = this.program;
    const master = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.master = master;
    master.stderr?.setEncoding('utf8').on('data', (text: string) => (this.messages += text));
    master.once('error', (cause) => (this.messages += `${cause.message}\n`));
    master.once('close', () => setTimeout(() => this.ended || this.dial(), 500));
  }
}

function isOpen(address: SshAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const check = spawn('ssh', ['-O', 'check', ...sshArguments(address)], { stdio: 'ignore' });
    check.once('error', () => resolve(false));
    check.once('close', (code) => resolve(code === 0));
  });
}
