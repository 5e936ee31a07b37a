/** One or two dom0s that run for as long as this process needs them, and leave nothing behind. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Layout } from '../build/layout.js';
import type { Flavour, FlavourName } from '../flavours.js';
import { LabError } from '../lab-error.js';
import { type Booted, begin, untilReady } from './boot.js';
import { Dom0 } from './dom0.js';
import { SshConnection } from './ssh.js';
import { IN_CASE_WE_DIE } from './tied.js';

export interface LabOptions {
  readonly layout: Layout;
  readonly flavour: Flavour & { name: FlavourName };
  readonly hosts: 1 | 2;
  readonly shares?: readonly string[];
  readonly signal?: AbortSignal;
}

export class Lab {
  readonly dom0s: Dom0[] = [];
  private readonly dir = mkdtempSync(join(tmpdir(), 'xen-lab-'));
  private readonly booted: Booted[] = [];
  private readonly connections: SshConnection[] = [];

  private constructor(private readonly options: LabOptions) {}

  static async boot(options: LabOptions): Promise<Lab> {
    const lab = new Lab(options);
    try {
      await lab.bootAll();
      return lab;
    } catch (error) {
      await lab.end();
      throw error;
    }
  }

  /** Ends QEMU; what the domains had is lost. */
  async end(): Promise<void> {
    for (const connection of this.connections) connection.end();
    for (const { qemu } of this.booted) {
      if (qemu.pid === undefined || qemu.exitCode !== null || qemu.signalCode !== null) continue;
      const closed = once(qemu, 'exit');
      qemu.kill('SIGKILL');
      await closed;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async bootAll(): Promise<void> {
    const { layout, flavour, hosts, shares, signal } = this.options;
    const network = hosts === 2 ? join(this.dir, 'network') : undefined;
    for (let host = 1; host <= hosts; host++) {
      this.booted.push(await begin({ layout, flavour, host, dir: this.dir, shares, cache: 'loose', network }));
      // The second dials the first.
      if (network !== undefined && host === 1) await fileComes(network);
    }
    await Promise.all(this.booted.map((booted) => untilReady(booted, this.dir, signal)));
    for (const [i, { sshPort }] of this.booted.entries()) {
      const { sshKey: key, knownHosts } = layout;
      const address = { port: sshPort, key, knownHosts, control: join(this.dir, `ssh-${i + 1}`) };
      this.connections.push(await SshConnection.open(address, IN_CASE_WE_DIE, signal));
      this.dom0s.push(new Dom0(`dom0-${i + 1}`, `192.168.77.${i + 1}`, address));
    }
  }
}

async function fileComes(path: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (existsSync(path)) return;
    await sleep(50);
  }
  throw new LabError(`QEMU did not make ${path}`);
}
