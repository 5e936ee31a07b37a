import { type Command, Option } from 'commander';
import { plainHostname } from '../../host/address.js';
import type { MigrateRequest, MigrationLine } from '../../host/api.js';
import type { HostClient } from '../../host/client.js';
import { HostError } from '../../host/errors.js';
import type { MigrationState } from '../../migrate/report.js';
import { isLoopback } from '../../transport/index.js';
import { contextOf, type GlobalOptions, parseHost, tokenFrom } from '../context.js';
import { CliError } from '../failure.js';
import { Interrupts } from '../interrupts.js';
import { untilListening } from '../listening.js';
import { lostHost } from '../lost-host.js';
import type { Output } from '../output.js';
import { type ProgressView, progressView } from '../progress.js';
import { reportSheet } from '../tables.js';
import { parseDuration, parseRate } from '../units.js';

interface Options extends GlobalOptions {
  readonly strategy: 'precopy' | 'tsmc' | 'auto';
  readonly policy?: 'xen' | 'xen-4.1';
  readonly bandwidth?: number;
  readonly postcopyBandwidth?: number;
  readonly downtimeBudget?: number;
  readonly elide?: boolean;
  readonly paused?: boolean;
  readonly faults?: boolean;
  readonly destinationTokenFile?: string;
}

export function addMigrate(program: Command): void {
  program
    .command('migrate <domain> <host>')
    .summary('move a running domain to another host')
    .description('Ctrl-C cancels, as long as the domain has not been handed over; it then runs on here.')
    .addOption(new Option('--strategy <name>', 'how').choices(['precopy', 'tsmc', 'auto']).default('auto'))
    .addOption(
      new Option('--policy <name>', "when precopy stops its rounds: as today's Xen, or as Xen 4.1").choices([
        'xen',
        'xen-4.1',
      ]),
    )
    .option('--bandwidth <rate>', 'use no more, e.g. 100Mbit', parseRate)
    .option('--postcopy-bandwidth <rate>', 'the same for stage 3 alone', parseRate)
    .option('--downtime-budget <time>', 'stop as soon as the downtime will be within this, e.g. 30ms', parseDuration)
    .option('--no-elide', 'send zero pages as data')
    .option('--paused', 'leave the domain paused over there')
    .option('--faults', 'with --json: a line for each fault, too')
    .option('--destination-token-file <file>', "the destination's token, if it is not the same")
    .action(async (domain: string, host: string, _: unknown, command: Command) => {
      const { connect, output, url } = contextOf(command);
      const options = command.optsWithGlobals<Options>();
      const destination = parseHost(host);
      const client = await connect();
      // Loopback is the source's: only if that is this machine can we see who listens.
      if (isLoopback(plainHostname(url))) await untilListening(destination, output);
      const lines = client.migrate(domain, requestOf(destination, options));
      const view = progressView(output);
      const interrupts = new Interrupts();
      try {
        await follow(lines, client, output, view, interrupts);
      } finally {
        interrupts.close();
      }
    });
}

function requestOf(destination: URL, options: Options): MigrateRequest {
  const { strategy, policy, bandwidth, postcopyBandwidth, downtimeBudget, elide, paused, faults } = options;
  return {
    destination: destination.origin,
    destinationToken: tokenFrom(options.destinationTokenFile ?? options.tokenFile),
    ...{ strategy, policy, bandwidth, postcopyBandwidth, downtimeBudgetMs: downtimeBudget },
    ...{ elideZeroPages: elide, paused, faults },
  };
}

async function follow(
  lines: AsyncGenerator<MigrationLine>,
  client: HostClient,
  output: Output,
  view: ProgressView,
  interrupts: Interrupts,
): Promise<void> {
  let watched = { domain: '', destination: '', state: 'setup' as MigrationState };
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), interrupts.second]);
      if (next === 'interrupted') throw new CliError('DETACHED', 'the migration goes on; xenferry status shows how');
      if (next.done) return;
      const line = next.value;
      if (line.type === 'started') {
        watched = { ...watched, domain: line.domain, destination: line.destination };
        interrupts.onFirst(() => cancel(client, line.id, output));
      }
      if (line.type === 'state') watched.state = line.to;
      if (line.type === 'error') throw HostError.fromBody(line.error);
      output.line(line);
      view.show(line);
      if (line.type === 'report') finish(line.report, output, view);
    }
  } catch (error) {
    throw lostHost(error, watched);
  } finally {
    view.stop();
  }
}

function finish(report: Parameters<typeof reportSheet>[0], output: Output, view: ProgressView): void {
  view.stop();
  if (!output.json) output.result(report, () => reportSheet(report));
}

async function cancel(client: HostClient, id: string, output: Output): Promise<void> {
  try {
    await client.cancel(id);
    output.note('cancelling…');
  } catch (error) {
    output.note(`${(error as Error).message}; once more stops watching`);
  }
}
