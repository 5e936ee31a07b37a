/** QEMU processes that run a dom0: begun, watched until dom0 says that it is ready, and ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Layout } from '../build/layout.js';
import type { Flavour, FlavourName } from '../flavours.js';
import { LabError } from '../lab-error.js';
import { REPO } from '../paths.js';
import { type Machine, qemuArguments } from './qemu-arguments.js';
import { IN_CASE_WE_DIE } from './tied.js';

const READY = 'xen-lab: ready';
const BOOT_TIMEOUT_S = 180;

export interface BootOptions {
  readonly layout: Layout;
  readonly flavour: Flavour & { name: FlavourName };
  readonly host: number;
  /** A folder for the console's log and sockets; its path is short (a socket's is at most 107 bytes). */
  readonly dir: string;
  readonly shares?: readonly string[];
  readonly cache: Machine['cache'];
  readonly network?: string;
  /** It goes on when this process ends. */
  readonly detached?: boolean;
}

export interface Booted {
  readonly qemu: ChildProcess;
  readonly sshPort: number;
  readonly console: string;
}

/** Begins a dom0; `untilReady` waits for it. */
export async function begin(options: BootOptions): Promise<Booted> {
  const { layout, flavour, host, dir, detached = false } = options;
  const sshPort = await freePort();
  const console = join(dir, `console-${host}.log`);
  const args = qemuArguments({
    xen: layout.xen(flavour.name),
    vmlinuz: layout.vmlinuz,
    initrd: layout.initrd,
    image: layout.image(flavour.suite),
    host,
    sshPort,
    console,
    repo: REPO,
    shares: options.shares ?? [],
    cache: options.cache,
    network: options.network,
  });
  const [program, ...rest] = [...(detached ? [] : IN_CASE_WE_DIE), 'qemu-system-x86_64', ...args];
  const messages = openSync(join(dir, `qemu-${host}.log`), 'w');
  const qemu = spawn(program, rest, { detached, stdio: ['ignore', messages, messages] });
  closeSync(messages);
  return { qemu, sshPort, console };
}

/** Resolves when dom0's toolstack and sshd are up. Fails, with the console's end, when it does not come to that. */
export async function untilReady({ qemu, console }: Booted, dir: string, signal?: AbortSignal): Promise<void> {
  let failure: string | undefined;
  qemu.once('error', (cause) => (failure = cause.message));
  for (const end = Date.now() + BOOT_TIMEOUT_S * 1000; Date.now() < end; ) {
    signal?.throwIfAborted();
    if (failure !== undefined || qemu.exitCode !== null || qemu.signalCode !== null) break;
    if (read(console).includes(READY)) return;
    await sleep(200);
  }
  const ended = qemu.exitCode ?? qemu.signalCode;
  const why = failure ?? (ended === null ? `it was not ready after ${BOOT_TIMEOUT_S} s` : `QEMU ended with ${ended}`);
  const logs = ['qemu-1.log', 'qemu-2.log'].map((name) => read(join(dir, name))).join('');
  throw new LabError(`dom0 did not boot: ${why}\n${logs}${read(console).split('\n').slice(-20).join('\n')}`);
}

/** A port of the loopback that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
