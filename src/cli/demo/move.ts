/** A domain from one host process to another, through their API as any client uses it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrateRequest, MigrationLine } from '../../host/api.js';
import { HostError } from '../../host/errors.js';
import { abortable } from '../../migrate/io/abortable.js';
import type { MigrationReport } from '../../migrate/report.js';
import { CliError } from '../failure.js';
import type { HostProcess } from './host-process.js';

const SETTLE_MS = 10_000;
const POLL_MS = 20;
const NEVER = new AbortController().signal;

export interface Move {
  readonly domain: string;
  readonly from: HostProcess;
  readonly to: HostProcess;
  readonly request: Omit<MigrateRequest, 'destination' | 'destinationToken'>;
  readonly onLine?: (line: MigrationLine) => void;
  /** Stops the waiting, not the migration. */
  readonly signal?: AbortSignal;
}

/** Resolves when the domain runs at the destination with all its memory, and both hosts are done with it. */
export async function move(move: Move): Promise<MigrationReport> {
  const { domain, to, signal = NEVER } = move;
  const report = await follow(move, signal);
  await untilRunning(to, domain, signal);
  return report;
}

async function follow({ domain, from, to, request, onLine }: Move, signal: AbortSignal): Promise<MigrationReport> {
  const lines = from.client.migrate(domain, { ...request, destination: to.url, destinationToken: to.token });
  for (;;) {
    const { done, value: line } = await abortable(lines.next(), signal);
    if (done) throw new CliError('INTERNAL', `the migration of domain ${domain} ended without a report`);
    if (line.type === 'error') throw HostError.fromBody(line.error);
    onLine?.(line);
    if (line.type === 'report') return line.report;
  }
}

/** The source's report may be here a moment before the destination is done with its own side. */
async function untilRunning({ client }: HostProcess, domain: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const domains = await abortable(client.list(), signal);
    const state = domains.find(({ name }) => name === domain)?.state;
    if (state === 'running') return;
    if (performance.now() > deadline)
      throw new CliError('INTERNAL', `domain ${domain} arrived and is ${state ?? 'not there'}`);
    await sleep(POLL_MS, undefined, { signal });
  }
}
