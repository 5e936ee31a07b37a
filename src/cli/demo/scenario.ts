/** The demonstration: one domain, two hosts, there by precopy and back by TSMC. */
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../../migrate/io/abortable.js';
import type { MigrationReport, Strategy } from '../../migrate/report.js';
import type { ProgressView } from '../progress.js';
import type { HostProcess } from './host-process.js';
import { move } from './move.js';

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

/** Enough that precopy runs into its limit of rounds, and a link as in many a rack. */
export const SCENARIO: Scenario = {
  memoryBytes: 512 * 2 ** 20,
  hotBytes: 64 * 2 ** 20,
  writeRate: 100 * 2 ** 20,
  bandwidth: 1e9 / 8,
};

const MIB = 2 ** 20;
const NAME = 'demo';
/** The guest's code is compiled by then, and it writes at its rate. */
const WARM_UP_MS = 500;

/** What the guest does, as a host's API takes it. */
export function guestOf({ memoryBytes, hotBytes, writeRate }: Scenario) {
  const guest = { program: 'hot-set', hotMB: hotBytes / MIB, rateMBps: writeRate / MIB } as const;
  return { memoryMB: Math.ceil(memoryBytes / MIB), guest };
}

export async function createGuest({ client }: HostProcess, scenario: Scenario, signal: AbortSignal): Promise<void> {
  await abortable(client.create({ config: { name: NAME, ...guestOf(scenario) } }), signal);
  await sleep(WARM_UP_MS, undefined, { signal });
}

export interface DemoMove {
  readonly from: HostProcess;
  readonly to: HostProcess;
  readonly strategy: Strategy;
}

export async function moveGuest(
  { from, to, strategy }: DemoMove,
  { bandwidth }: Scenario,
  view: ProgressView,
  signal: AbortSignal,
): Promise<MigrationReport> {
  const request = { strategy, bandwidth, picture: true };
  try {
    return await move({ domain: NAME, from, to, request, onLine: (line) => view.show(line), signal });
  } finally {
    view.stop();
  }
}

export async function verifyGuest({ client }: HostProcess, signal: AbortSignal): Promise<boolean> {
  const { verified } = await abortable(client.digest(NAME, true), signal);
  return verified === true;
}
