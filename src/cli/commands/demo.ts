import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { broken } from '../demo/expectations.js';
import { HostProcess } from '../demo/host-process.js';
import { Interruption } from '../demo/interruption.js';
import { document, table } from '../demo/result.js';
import { createGuest, type DemoRun, moveGuest, type Scenario, verifyGuest } from '../demo/scenario.js';
import { CliError } from '../failure.js';
import type { Output } from '../output.js';
import { progressView } from '../progress.js';
import { formatRate, formatSize, parseRate, parseSize } from '../units.js';

const MIB = 2 ** 20;

interface Options {
  readonly memory: number;
  readonly hot: number;
  readonly writeRate: number;
  readonly bandwidth: number;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('two hosts on this machine, and a domain that moves there and back')
    .description(
      'Moves a domain that writes a lot from one host process to another by precopy, and back by three-stage memory copy; proves each time that its memory has arrived. Ends its hosts.',
    )
    .option('--memory <size>', "the domain's memory", parseSize, 512 * MIB)
    .option('--hot <size>', 'what the guest rewrites over and over', parseSize, 64 * MIB)
    .option('--write-rate <rate>', 'how fast', parseRate, 100 * MIB)
    .option('--bandwidth <rate>', 'of the link between the hosts', parseRate, 125e6)
    .action(async (_: unknown, command: Command) => {
      const { memory, hot, writeRate, bandwidth } = command.optsWithGlobals<Options>();
      const { output } = contextOf(command);
      await demo({ memoryBytes: memory, hotBytes: hot, writeRate, bandwidth }, output);
    });
}

async function demo(scenario: Scenario, output: Output): Promise<void> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const { precopy, tsmc } = await moveThereAndBack(scenario, output, signal);
  const runs = [precopy, tsmc];
  output.result(document(runs), () => table(runs));
  const failures = broken(precopy, tsmc);
  if (failures.length === 0) return;
  throw new CliError(
    precopy.verified && tsmc.verified ? 'INTERNAL' : 'NOT_VERIFIED',
    `the demonstration does not show what it should: ${failures.join('; ')}`,
    'on a busy machine times are off: try once more, then report it',
  );
}

/** The hosts are gone when this settles, whatever happened. */
async function moveThereAndBack(
  scenario: Scenario,
  output: Output,
  signal: AbortSignal,
): Promise<{ precopy: DemoRun; tsmc: DemoRun }> {
  output.note(`starting two hosts with ${formatSize(scenario.memoryBytes)} each …`);
  await using left = await HostProcess.start({ name: 'left', memoryBytes: scenario.memoryBytes });
  await using right = await HostProcess.start({ name: 'right', memoryBytes: scenario.memoryBytes });
  signal.throwIfAborted();
  const { memoryBytes, hotBytes, writeRate, bandwidth } = scenario;
  output.note(
    `creating a domain of ${formatSize(memoryBytes)} that rewrites ${formatSize(hotBytes)} at ${formatRate(writeRate)} …`,
  );
  await createGuest(left, scenario, signal);

  const move = async (from: HostProcess, to: HostProcess, strategy: 'precopy' | 'tsmc'): Promise<DemoRun> => {
    output.note(`${strategy}, over a link of ${formatRate(bandwidth)}:`);
    const report = await moveGuest(from, to, strategy, scenario, progressView(output), signal);
    output.note('comparing its memory with that of a control that never moved …');
    return { report, verified: await verifyGuest(to, signal) };
  };
  const precopy = await move(left, right, 'precopy');
  const tsmc = await move(right, left, 'tsmc');
  return { precopy, tsmc };
}
