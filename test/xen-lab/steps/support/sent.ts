/** How much a migration sent: counted at the receiver, and as our helper reports it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLine } from '../../../../src/libxl/save-helper/events.js';
import type { MigrationReport } from '../../../../src/migrate/report.js';
import type { Dom0 } from '../../vm/dom0.js';

export interface Sent {
  /** All that xl sent: the helper's stream, libxl's records and xl's own messages. */
  readonly bytes: number;
  /** There where the helper is ours. */
  readonly report?: MigrationReport;
}

const PATIENCE_S = 10;

/** What `countInto` came to; it is written when xl has closed its end. */
export async function bytesOf(dom0: Dom0, countInto: string): Promise<number> {
  for (const end = Date.now() + PATIENCE_S * 1000; Date.now() < end; await sleep(500)) {
    const bytes = Number(await dom0.run(`cat ${countInto} || true`));
    if (bytes > 0) return bytes;
  }
  throw new Error(`${countInto} does not say how many bytes were sent`);
}

/** The saving helper's report in its events' file. Throws where there is none. */
export function savedReport(events: string): MigrationReport {
  const lines = events.split('\n').filter((line) => line !== '');
  for (const line of lines.map((text) => JSON.parse(text) as EventLine))
    if (line.side === 'save' && line.type === 'report') return line.report;
  throw new Error(`the helper's events hold no report:\n${events.slice(-2000)}`);
}
