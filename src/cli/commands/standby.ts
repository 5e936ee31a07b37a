import type { Command } from 'commander';
import type { StandbyEvent } from '../../libxl/standby/index.js';
import { isControlDomain, XlError } from '../../libxl/xl/index.js';
import { contextOf } from '../context.js';
import { CliError } from '../failure.js';
import type { Output } from '../output.js';
import { parseCount } from '../units.js';

interface Options {
  readonly helpers: number;
  readonly socket?: string;
}

export function addStandby(program: Command): void {
  program
    .command('standby')
    .summary('keep save helpers ready, so that migrations by xl begin without Node starting')
    .description('For dom0. Runs until SIGINT or SIGTERM; migrations under way go on to their end.')
    .option('--helpers <n>', 'ready at the same time; each takes some 60 MB', parseCount(1, 64), 2)
    .option('--socket <path>', 'where to wait; who starts xl sets XENFERRY_STANDBY to the same')
    .action(async (_: unknown, command: Command) => run(command.optsWithGlobals<Options>(), command));
}

async function run({ helpers, socket }: Options, command: Command): Promise<void> {
  const { output } = contextOf(command);
  // Loaded here: it loads the addon.
  const { SOCKET, Standby, standbyOps } = await import('../../libxl/standby/index.js');
  if (!isControlDomain())
    throw new XlError('NO_XEN', 'this is no Xen control domain', 'run it in dom0; xenferry doctor says what is here');
  const at = socket ?? SOCKET;
  const onEvent = (event: StandbyEvent): void => tell(output, event);
  await using _ = held(at, () => Standby.open({ ops: standbyOps(), socket: at, helpers, onEvent }));
  output.note(`helpers are being started for ${at}; each is said to be ready here`);
  const signal = await new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  output.note(`${signal}: those that wait end, those at work go on to their end`);
}

function held<T>(socket: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new CliError('USAGE', `another standby has ${socket}: end it, or give another --socket`);
  }
}

function tell(output: Output, event: StandbyEvent): void {
  output.line(event);
  const { type, pid } = event;
  if (type === 'failed') output.note(`helper ${pid} could not get ready (${event.status}); another is tried in 10 s`);
  if (type === 'ready') output.note(`helper ${pid} is ready; ${event.ready} in all`);
  if (type === 'taken') output.note(`helper ${pid} works for libxl; ${event.ready} ready`);
  if (type === 'ended') output.note(`helper ${pid} has ended (${event.status})`);
}
