/** The lab's command: npm run lab -- COMMAND. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { buildLab } from './build/lab.js';
import { Layout } from './build/layout.js';
import { printedTo } from './build/printed.js';
import { DEFAULT_FLAVOUR, FLAVOUR_NAMES, type FlavourName, flavourNamed } from './flavours.js';
import { untilInterrupted } from './interrupts.js';
import { LabError } from './lab-error.js';
import { LAB_DIR } from './paths.js';
import { KeptLab } from './vm/kept.js';
import { Lab } from './vm/lab.js';
import { sshArguments } from './vm/ssh.js';

interface Chosen {
  readonly flavour: FlavourName;
  readonly timeout: number;
  readonly share: string[];
  readonly name: string;
}

const flavour = () =>
  new Option('--flavour <name>', 'which hypervisor').choices(FLAVOUR_NAMES).default(DEFAULT_FLAVOUR);
const timeout = () => new Option('--timeout <s>', 'seconds the commands may take').argParser(seconds).default(600);
const share = () =>
  new Option('--share <dir>', 'a folder of the host, seen in dom0 at the same path (again for more)')
    .argParser((path: string, before: string[]) => [...before, path])
    .default([], 'none');
const name = () => new Option('--name <name>', 'which of the labs that were started').default('default');

function createProgram(): Command {
  const program = new Command('lab').description("a real Xen under QEMU's software emulation, for tests");
  program
    .command('build')
    .description('build what is not there yet (root, Debian 12)')
    .addOption(new Option('--flavour <names...>', 'hypervisors').choices(FLAVOUR_NAMES).default(FLAVOUR_NAMES, 'all'))
    .action(({ flavour: names }: { flavour: FlavourName[] }) =>
      untilInterrupted(async (signal) => void (await build(names, signal))),
    );
  program
    .command('run')
    .argument('<script>', 'runs in dom0; what it prints is printed here, and its status is the status here')
    .description('boot a dom0, run a script in it, end it')
    .addOption(flavour())
    .addOption(timeout())
    .addOption(share())
    .action(run);
  program
    .command('start')
    .description('boot a dom0 and leave it running')
    .addOption(flavour())
    .addOption(share())
    .addOption(name())
    .action(start);
  program
    .command('exec')
    .argument('<commands>')
    .description('run shell commands in it')
    .addOption(timeout())
    .addOption(name())
    .action(exec);
  program.command('shell').description('a terminal in it').addOption(name()).action(shell);
  program.command('stop').description('end it').addOption(name()).action(stop);
  program.command('clean').description(`remove all that was built`).action(clean);
  return program;
}

function build(names: readonly FlavourName[], signal: AbortSignal): Promise<Layout> {
  return buildLab(names, printedTo(process.stderr), signal);
}

async function run(script: string, { flavour, timeout, share }: Chosen): Promise<void> {
  const text = readFileSync(script);
  await untilInterrupted(async (signal) => {
    const layout = await build([flavour], signal);
    const lab = await Lab.boot({ layout, flavour: flavourNamed(flavour), hosts: 1, shares: share, signal });
    try {
      const dom0 = lab.dom0s[0].until(signal);
      await dom0.write('/tmp/job', text, '755');
      const onOutput = (output: string) => process.stdout.write(output);
      process.exitCode = (await dom0.exec('/tmp/job', { timeoutS: timeout, onOutput })).code;
    } finally {
      await lab.end();
    }
  });
}

async function start({ flavour, share, name }: Chosen): Promise<void> {
  await untilInterrupted(async (signal) => {
    const layout = await build([flavour], signal);
    await new KeptLab(layout, name).start(flavourNamed(flavour), share, signal);
  });
}

async function exec(commands: string, { timeout, name }: Chosen): Promise<void> {
  const onOutput = (output: string) => process.stdout.write(output);
  process.exitCode = (await kept(name).dom0().exec(commands, { timeoutS: timeout, onOutput })).code;
}

function shell({ name }: Chosen): void {
  const { status } = spawnSync('ssh', ['-t', ...sshArguments(kept(name).address())], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

async function stop({ name }: Chosen): Promise<void> {
  await kept(name).stop();
}

function clean(): void {
  rmSync(LAB_DIR, { recursive: true, force: true });
}

function kept(name: string): KeptLab {
  return new KeptLab(new Layout(LAB_DIR), name);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number of seconds above 0 is wanted');
  return value;
}

createProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`lab: ${error instanceof LabError ? error.message : (error as Error).stack}\n`);
    process.exitCode = 1;
  });
