/** The helper's report knows its own part; xl's part of the times is added here. */
import type { MigrationReport } from '../../migrate/report.js';

export interface WholeMigration {
  /** From the start of xl to its end. */
  readonly totalMs: number;
  /** From the request to suspend to "Target reports successful startup". */
  readonly downtimeMs: number;
  /** Of this, until the helper's last byte had left. */
  readonly stoppedMs: number;
}

/** Parts of a post-copy's downtime that come when its stream has been sent. */
const BEHIND_THE_STREAM = ['hold', 'restore', 'eviction', 'unpause'];

/**
 * `toolstack` in the parts is what passed between our last byte and the start: the receiver's end of the stream, devices, handshake. A
 * post-copy source hears from the destination meanwhile and has named some of it.
 */
export function wholeReport(
  report: MigrationReport,
  { totalMs, downtimeMs, stoppedMs }: WholeMigration,
): MigrationReport {
  const named = BEHIND_THE_STREAM.reduce((ms, part) => ms + (report.downtimeParts[part] ?? 0), 0);
  const toolstack = Math.max(0, downtimeMs - stoppedMs - named);
  return { ...report, state: 'completed', totalMs, downtimeMs, downtimeParts: { ...report.downtimeParts, toolstack } };
}
