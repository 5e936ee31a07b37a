/** What the sending save helper writes while it works (../save-helper/events.ts), read back. */
import type { MigrationReport } from '../../migrate/report.js';
import type { EventLine, HelperFailure, LoggedEvent } from '../save-helper/events.js';

/** Gathers the lines of one file. */
export class HelperEvents {
  /** The helper's own, not that of what libxl waits for. */
  pid: number | undefined;
  /** When the helper asked for the guest's suspend, in milliseconds since 1970. */
  stoppedAt: number | undefined;
  report: MigrationReport | undefined;
  /** From the suspend until the last byte had left. */
  stoppedMs = 0;
  failure: HelperFailure | undefined;
  /** It has said its last. */
  finished = false;

  constructor(private readonly onEvent: (event: LoggedEvent) => void) {}

  /** A line that is none, or the receiving helper's, is left out. */
  add(text: string): void {
    const line = parse(text);
    if (line?.side !== 'save') return;
    if (line.type === 'begin') this.pid = line.pid;
    if (line.type === 'event') this.event(line.event, line.time);
    if (line.type === 'report') {
      this.report = line.report;
      this.stoppedMs = line.stoppedMs;
    }
    if (line.type === 'failed') this.failure = line.failure;
    this.finished ||= line.type === 'report' || line.type === 'failed';
  }

  private event(event: LoggedEvent, time: number): void {
    if (event.type === 'state' && event.to === 'stopped') this.stoppedAt = time;
    this.onEvent(event);
  }
}

function parse(text: string): EventLine | undefined {
  try {
    return JSON.parse(text) as EventLine;
  } catch {
    return undefined;
  }
}
