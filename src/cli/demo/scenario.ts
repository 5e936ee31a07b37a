/** The demonstration: one domain, two hosts, there by precopy and back by TSMC. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostClient } from '../../host/client.js';
import { HostError } from '../../host/errors.js';
import { abortable } from '../../migrate/io/abortable.js';
import type { MigrationReport } from '../../migrate/report.js';
import { CliError } from '../failure.js';
import type { ProgressView } from '../progress.js';
import type { HostProcess } from './host-process.js';

export interface Scenario {
  readonly memoryBytes: number;
  /** Rewritten over and over. */
  readonly hotBytes: number;
  /** Written by the guest, bytes a second. */
  readonly writeRate: number;
  /** Of the link, bytes a second. */
  readonly bandwidth: number;
}

export interface DemoRun {
  readonly report: MigrationReport;
  /** The domain's digest equals that of a control which ran as many steps and never moved. */
  readonly verified: boolean;
}

const MIB = 2 ** 20;
const NAME = 'demo';
/** The hot set is all dirty by then, and the guest's code compiled. */
const WARM_UP_MS = 500;
const SETTLE_MS = 10_000;
const POLL_MS = 20;

export async function createGuest({ client }: HostProcess, scenario: Scenario, signal: AbortSignal): Promise<void> {
  const { memoryBytes, hotBytes, writeRate } = scenario;
  const guest = { program: 'hot-set', hotMB: hotBytes / MIB, rateMBps: writeRate / MIB } as const;
  const config = { name: NAME, memoryMB: Math.ceil(memoryBytes / MIB), guest };
  await abortable(client.create({ config }), signal);
  await sleep(WARM_UP_MS, undefined, { signal });
}

export async function moveGuest(
  from: HostProcess,
  to: HostProcess,
  strategy: 'precopy' | 'tsmc',
  { bandwidth }: Scenario,
  view: ProgressView,
  signal: AbortSignal,
): Promise<MigrationReport> {
  const destination = { destination: to.url, destinationToken: to.token };
  const lines = from.client.migrate(NAME, { ...destination, strategy, bandwidth });
  try {
    for (;;) {
      const { done, value: line } = await abortable(lines.next(), signal);
      if (done) throw new CliError('INTERNAL', `the migration by ${strategy} ended without a report`);
      if (line.type === 'error') throw HostError.fromBody(line.error);
      view.show(line);
      if (line.type === 'report') return line.report;
    }
  } finally {
    view.stop();
  }
}

export async function verifyGuest({ client }: HostProcess, signal: AbortSignal): Promise<boolean> {
  await untilFree(client, signal);
  const { verified } = await abortable(client.digest(NAME, true), signal);
  return verified === true;
}

/** The source's report may be here a moment before the destination is done with its own side. */
async function untilFree(client: HostClient, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const domains = await abortable(client.list(), signal);
    const state = domains.find(({ name }) => name === NAME)?.state;
    if (state === 'running') return;
    if (performance.now() > deadline) throw new CliError('INTERNAL', `domain ${NAME} arrived and is ${state ?? 'not there'}`);
    await sleep(POLL_MS, undefined, { signal });
  }
}
