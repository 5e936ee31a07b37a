/** The source's part of a managed migration. */

import type { z } from 'zod';
import { MigrationError, sendDomain } from '../migrate/index.js';
import { type Channel, ChannelError } from '../migrate/io/channel.js';
import type { MigrationReport } from '../migrate/report.js';
import { hostUrl, plainHostname } from './address.js';
import type { IncomingReply, MigrateRequest } from './api.js';
import { HostClient } from './client.js';
import type { Entry } from './domain-table.js';
import { HostError } from './errors.js';
import type { Host } from './host.js';
import type { MigrationRecord } from './migration-record.js';

type Request = z.output<typeof MigrateRequest>;

/**
 * Begins to move a domain; `record.settled` says when it is over. Throws at once if the domain is not here, departed or
 * held by something else, or if this host cannot reach the other.
 */
export function startOutgoing(
  host: Host,
  ref: string,
  request: Request,
): { record: MigrationRecord; report: Promise<MigrationReport> } {
  host.assertOpen();
  const entry = host.domains.find(ref);
  const destination = hostUrl(request.destination);
  host.network.assertReachableFrom(plainHostname(destination));
  host.domains.assertFree(entry);
  const record = host.migrations.start('out', entry.config.name, destination.origin);
  const report = record.run(() =>
    host.domains.exclusively(entry, 'is being migrated', () => migrate(host, entry, destination, request, record)),
  );
  return { record, report };
}

async function migrate(
  host: Host,
  entry: Entry,
  destination: URL,
  request: Request,
  record: MigrationRecord,
): Promise<MigrationReport> {
  entry.migration = record.id;
  try {
    await using gate = await host.network.openGate(['control', 'push', 'urgent']);
    const peer = new HostClient({ url: destination, token: request.destinationToken, ca: host.network.identity?.ca });
    const returns = host.network.endpointOf(gate);
    const paused = request.paused || (await entry.domain.info()).paused;
    const announced = peer.incoming({ migration: record.id, config: entry.config, returns, paused }, record.signal);
    const reply = await announced.catch((error: unknown) => Promise.reject(refusal(error, entry, destination)));
    const stream = await connectStream(host, reply, destination, record);
    try {
      const { strategy, policy, downtimeBudgetMs, bandwidth, postcopyBandwidth, elideZeroPages } = request;
      const report = await sendDomain({
        ...{ domain: entry.domain, stream, returns: gate, strategy, policy, downtimeBudgetMs },
        ...{ bandwidth, postcopyBandwidth, elideZeroPages, signal: record.signal },
        reconnectMs: host.network.reconnectMs,
        onEvent: (event) => record.observe(event),
      });
      await leave(host, entry, destination.origin);
      return report;
    } catch (error) {
      await mournOrKeep(entry, destination.origin, error);
      throw error;
    } finally {
      stream.destroy();
    }
  } finally {
    entry.migration = undefined;
  }
}

async function connectStream(
  host: Host,
  reply: IncomingReply,
  destination: URL,
  { domain, signal }: MigrationRecord,
): Promise<Channel> {
  try {
    return await host.network.dialer(reply.stream, plainHostname(destination)).dial('stream', signal);
  } catch (cause) {
    if (!(cause instanceof ChannelError)) throw cause;
    throw new HostError('DESTINATION_UNREACHABLE', `${cause.message}; domain ${domain} runs on here`, {
      ...{ domain, cause },
      remedy: `look at ${destination.origin}: is it still there, and can this host reach all of its ports?`,
    });
  }
}

/** The domain runs over there with all of its memory: what is left here goes. */
async function leave(host: Host, entry: Entry, to: string): Promise<void> {
  entry.departedTo = to;
  await entry.domain.destroy();
  host.domains.remove(entry);
}

/** A failed migration: the engine says who has the domain. Unless it is us, it must not run here again. */
async function mournOrKeep(entry: Entry, to: string, error: unknown): Promise<void> {
  if (!(error instanceof MigrationError)) return;
  if (error.survivor === 'destination' || error.survivor === 'unknown') entry.departedTo = to;
  // The listener stays open for a destination that has not heard yet that it must give up.
  await error.settled;
}

/** The destination's errors are not ours: its "no such domain" is not one of this host's. */
function refusal(error: unknown, entry: Entry, destination: URL): unknown {
  if (!(error instanceof HostError) || error.code === 'DESTINATION_UNREACHABLE') return error;
  const { code: detail, details } = error;
  const message = `${destination.origin} refused domain ${entry.config.name}: ${error.message}`;
  return new HostError('DESTINATION_REFUSED', message, {
    domain: entry.config.name,
    detail,
    remedy: details.remedy,
    cause: error,
  });
}
