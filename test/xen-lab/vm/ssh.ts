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

/** Opens the connection that later commands share, and keeps it until `end` is called. */
export class SshConnection {
  private constructor(private readonly master: ChildProcess) {}

  static async open(address: SshAddress, program: readonly string[] = []): Promise<SshConnection> {
    const [name, ...args] = [...program, 'ssh', '-M', '-N', ...sshArguments(address)];
    const master = spawn(name, args, { stdio: 'ignore' });
    const connection = new SshConnection(master);
    let failed = false;
    master.once('error', () => (failed = true));
    for (let tries = 0; tries < 150; tries++) {
      if (failed || master.exitCode !== null) break;
      if (await isOpen(address)) return connection;
      await sleep(200);
    }
    connection.end();
    throw new LabError('cannot reach dom0 by ssh', `Status of ssh: ${master.exitCode}.`);
  }

  end(): void {
    this.master.kill('SIGKILL');
  }
}

function isOpen(address: SshAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const check = spawn('ssh', ['-O', 'check', ...sshArguments(address)], { stdio: 'ignore' });
    check.once('error', () => resolve(false));
    check.once('close', (code) => resolve(code === 0));
  });
}
