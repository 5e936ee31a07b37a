import { type Command, Option } from 'commander';
import type { Strategy } from '../../migrate/report.js';
import { contextOf } from '../context.js';
import { broken } from '../demo/expectations.js';
import { HostProcess } from '../demo/host-process.js';
import { Interruption } from '../demo/interruption.js';
import { pictureView } from '../demo/picture.js';
import { document, table } from '../demo/result.js';
import { createGuest, type DemoRun, moveGuest, SCENARIO, type Scenario, verifyGuest } from '../demo/scenario.js';
import { CliError } from '../failure.js';
import type { Output } from '../output.js';
import { formatBitRate, formatRate, formatSize, parseRate, sizeOption } from '../units.js';

interface Options {
  readonly memory: number;
  readonly hot: number;
  readonly writeRate: number;
  readonly bandwidth: number;
}

export function addDemo(program: Command): void {
  const { memoryBytes, hotBytes, writeRate, bandwidth } = SCENARIO;
  program
    .command('demo')
    .summary('two hosts on this machine, and a domain that moves there and back')
    .description(
      'Moves a domain that writes a lot from one host process to another by precopy, and back by three-stage memory copy; proves each time that its memory has arrived. Ends its hosts.',
    )
    .addOption(sizeOption('--memory <size>', "the domain's memory", memoryBytes))
    .addOption(sizeOption('--hot <size>', 'what the guest rewrites over and over', hotBytes))
    .addOption(
      new Option('--write-rate <rate>', 'how fast').argParser(parseRate).default(writeRate, formatRate(writeRate)),
    )
    .addOption(
      new Option('--bandwidth <rate>', 'of the link between the hosts')
        .argParser(parseRate)
        .default(bandwidth, formatBitRate(bandwidth)),
    )
    .action(async (_: unknown, command: Command) => {
      const { memory, hot, ...rates } = command.optsWithGlobals<Options>();
      const { output } = contextOf(command);
      await demo({ memoryBytes: memory, hotBytes: hot, ...rates }, output);
    });
}

async function demo(scenario: Scenario, output: Output): Promise<void> {
  using interruption = new Interruption();
  const { precopy, tsmc } = await thereAndBack(scenario, output, interruption.signal);
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

interface Outcome {
  readonly precopy: DemoRun;
  readonly tsmc: DemoRun;
}

/** The hosts are gone when this settles, whatever happened. */
async function thereAndBack(scenario: Scenario, output: Output, signal: AbortSignal): Promise<Outcome> {
  const { memoryBytes, hotBytes, writeRate, bandwidth } = scenario;
  output.note('starting two hosts …');
  await using left = await HostProcess.start({ name: 'left', memoryBytes });
  await using right = await HostProcess.start({ name: 'right', memoryBytes });
  signal.throwIfAborted();
  const size = formatSize(memoryBytes);
  output.note(`creating a domain of ${size} that rewrites ${formatSize(hotBytes)} of it at ${formatRate(writeRate)} …`);
  await createGuest(left, scenario, signal);

  const run = async (from: HostProcess, to: HostProcess, strategy: Strategy): Promise<DemoRun> => {
    output.note(`\n${strategy}, over a link of ${formatBitRate(bandwidth)}`);
    const report = await moveGuest({ from, to, strategy }, scenario, pictureView(output), signal);
    output.note('comparing its memory with that of a control that never moved …');
    return { report, verified: await verifyGuest(to, signal) };
  };
  return { precopy: await run(left, right, 'precopy'), tsmc: await run(right, left, 'tsmc') };
}
