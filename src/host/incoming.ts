/** The destination's part of a managed migration. */
import type { z } from 'zod';
import { MigrationError, receiveDomain } from '../migrate/index.js';
import type { Gate } from '../transport/index.js';
import type { IncomingReply, IncomingRequest } from './api.js';
import { type DomainConfig, maxPagesOf } from './domain-config.js';
import type { Entry } from './domain-table.js';
import { HostError } from './errors.js';
import type { Host } from './host.js';
import type { MigrationRecord } from './migration-record.js';

/** A source that was given a ticket and does not come within this will not come. */
const STREAM_MS = 30_000;
/** Prepared but not yet begun; each has a listener. */
const MAX_INCOMING = 8;

type Request = z.output<typeof IncomingRequest>;

/** Opens a listener for the stream and says where; the rest goes on by itself. @param caller address of the source's request */
export async function prepareIncoming(host: Host, request: Request, caller: string): Promise<IncomingReply> {
  host.assertOpen();
  const name = request.config.name;
  const busy = host.migrations.active().filter((record) => record.direction === 'in' && record.state === 'setup');
  if (busy.length >= MAX_INCOMING) {
    throw new HostError('BUSY', `${MAX_INCOMING} migrations to this host are about to begin already`, {
      domain: name,
      remedy: 'try again later',
    });
  }
  host.network.dialer(request.returns, caller);
  const reservation = host.domains.reserve(name, 'arriving');
  // It counts from here on, before anything is waited for.
  const record = host.migrations.start('in', name, request.returns.host ?? caller, request.migration);
  const opening = host.network.openGate(['stream']);
  record.run(async () => receive(host, await opening, request, caller, record)).catch(() => undefined);
  void record.settled.then(() => reservation[Symbol.dispose]());
  return { stream: host.network.endpointOf(await opening) };
}

async function receive(
  host: Host,
  gate: Gate,
  request: Request,
  caller: string,
  record: MigrationRecord,
): Promise<undefined> {
  const { config, returns, paused } = request;
  await using _gate = gate;
  const stream = await gate.accept('stream', AbortSignal.any([record.signal, AbortSignal.timeout(STREAM_MS)]));
  try {
    await gate.close();
    record.state = 'stage1';
    const { domain, stage3 } = await receiveDomain({
      ...{ backend: host.backend.hypervisor, stream, dialer: host.network.dialer(returns, caller), paused },
      ...{ name: config.name, maxPages: maxPagesOf(config), vcpus: config.vcpus, signal: record.signal },
      reconnectMs: host.network.reconnectMs,
      onEvent: (event) => record.observe(event),
    });
    await untilComplete(host, host.domains.add(domain, config), record, stage3);
  } catch (error) {
    await keepUndecided(host, config, error);
    throw error;
  } finally {
    stream.destroy();
  }
}

/** The domain runs here; nobody may touch it before all of its memory is here as well. */
async function untilComplete(
  host: Host,
  entry: Entry,
  record: MigrationRecord,
  stage3: Promise<unknown>,
): Promise<void> {
  record.state = 'stage3';
  entry.migration = record.id;
  entry.stage3 = true;
  try {
    await host.domains.exclusively(entry, 'is still receiving its memory', () => stage3);
    record.state = 'completed';
  } finally {
    entry.migration = undefined;
    entry.stage3 = false;
  }
}

/** Nobody could be asked who has the domain: it is whole here, and paused until a person decides. */
async function keepUndecided(host: Host, config: DomainConfig, error: unknown): Promise<void> {
  if (!(error instanceof MigrationError) || error.code !== 'HANDOVER_UNKNOWN') return;
  const infos = await host.backend.hypervisor.listDomains();
  const kept = infos.find((info) => info.name === config.name);
  if (kept) host.domains.add(await host.backend.hypervisor.domain(kept.domid), config);
}
