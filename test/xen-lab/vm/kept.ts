/** Labs that run on behind a command, each by a name: what `lab start` leaves and `lab stop` takes away. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Layout } from '../build/layout.js';
import type { Flavour, FlavourName } from '../flavours.js';
import { LabError } from '../lab-error.js';
import { begin, untilReady } from './boot.js';
import { Dom0 } from './dom0.js';
import type { SshAddress } from './ssh.js';

interface Kept {
  readonly pid: number;
  readonly sshPort: number;
  readonly flavour: FlavourName;
}

export class KeptLab {
  private readonly dir: string;

  constructor(
    private readonly layout: Layout,
    private readonly name: string,
  ) {
    if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
      throw new LabError(`a lab cannot be called ${JSON.stringify(name)}`);
    this.dir = layout.at('running', name);
  }

  async start(
    flavour: Flavour & { name: FlavourName },
    shares: readonly string[],
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.running() !== undefined) throw new LabError(`the lab ${this.name} runs already`, 'End it: lab -- stop.');
    rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(this.dir, { recursive: true });
    const booted = await begin({
      layout: this.layout,
      flavour,
      host: 1,
      dir: this.dir,
      shares,
      cache: 'mmap',
      detached: true,
    });
    const kept: Kept = { pid: booted.qemu.pid ?? 0, sshPort: booted.sshPort, flavour: flavour.name };
    try {
      writeFileSync(this.file, JSON.stringify(kept));
      await untilReady(booted, this.dir, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
    booted.qemu.unref();
  }

  /** Throws where it does not run. */
  address(): SshAddress {
    const kept = this.running();
    if (kept === undefined) throw new LabError(`no lab ${this.name} runs`, 'Begin one: lab -- start.');
    return { port: kept.sshPort, key: this.layout.sshKey, knownHosts: this.layout.knownHosts };
  }

  dom0(): Dom0 {
    return new Dom0('dom0', '192.168.77.1', this.address());
  }

  async stop(): Promise<void> {
    const kept = this.running();
    for (let tries = 0; this.running() !== undefined && kept !== undefined; tries++) {
      if (tries === 50) throw new LabError(`process ${kept.pid} does not end`);
      process.kill(kept.pid, 'SIGKILL');
      await sleep(100);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** What was left in the file, if that process is still the one meant. */
  private running(): Kept | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.file, 'utf8')) as Kept;
      const commandLine = readFileSync(`/proc/${kept.pid}/cmdline`, 'utf8');
      return commandLine.includes(this.dir) ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  private get file(): string {
    return join(this.dir, 'lab.json');
  }
}
