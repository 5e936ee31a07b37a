/** `xenferry migrate` between two hosts of the emulated backend: their daemons do the work, we watch. */
import { plainHostname } from '../../host/address.js';
import type { MigrateRequest, MigrationLine } from '../../host/api.js';
import type { HostClient } from '../../host/client.js';
import { HostError } from '../../host/errors.js';
import type { MigrationState } from '../../migrate/report.js';
import { isLoopback } from '../../transport/index.js';
import { type Context, parseHost, tokenFrom } from '../context.js';
import { CliError } from '../failure.js';
import { Interrupts } from '../interrupts.js';
import { untilListening } from '../listening.js';
import { lostHost } from '../lost-host.js';
import type { Output } from '../output.js';
import { type ProgressView, progressView } from '../progress.js';
import { reportSheet } from '../tables.js';
import type { MigrateOptions } from './migrate.js';

export async function migrateEmulated(
  domain: string,
  host: string,
  options: MigrateOptions,
  { connect, output, url }: Context,
): Promise<void> {
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
}

function requestOf(destination: URL, options: MigrateOptions): MigrateRequest {
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
