/**
 * What happens in a save or restore, as JSON lines in a file that another process follows (XENFERRY_EVENTS). Source and
 * destination on one host may share the file: every line says whose it is.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { MigrationEvent, MigrationReport } from '../../migrate/index.js';

/** MigrationEvents without those that carry a list of pages, or one: for a large domain they would be larger than its memory. */
export type LoggedEvent = Exclude<MigrationEvent, { type: UnloggedType }>;
type UnloggedType = 'pages' | 'lacking' | 'fault' | 'loaded';
const UNLOGGED: ReadonlySet<string> = new Set<UnloggedType>(['pages', 'lacking', 'fault', 'loaded']);

export interface HelperFailure {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly errno?: number;
}

/** Common to all lines. `time` is in milliseconds since 1970, so that both ends and the toolstack can be compared. */
export interface LineHead {
  readonly side: 'save' | 'restore';
  readonly domid: number;
  readonly time: number;
}

/**
 * One line of the file. `begin` is the first of each side; `report` and `done` the last of a save and a restore that went well, and
 * `failed` the last of either that did not. `stoppedMs` is the downtime as far as this side sees it: from the request to suspend until
 * the stream's last byte had left; what the other end and the toolstack add begins there.
 */
export type EventLine = LineHead &
  (
    | { readonly type: 'begin'; readonly pid: number }
    | { readonly type: 'event'; readonly event: LoggedEvent }
    | { readonly type: 'report'; readonly report: MigrationReport; readonly stoppedMs: number }
    | { readonly type: 'done' }
    | { readonly type: 'failed'; readonly failure: HelperFailure }
  );

type Body<L> = L extends unknown ? Omit<L, keyof LineHead> : never;

/** Events never fail a migration: once the file cannot be written (a full disk) it is left alone. */
export class EventFile {
  private fd: number | undefined;
  private reported = false;

  /** @throws what open(2) says. */
  constructor(
    path: string,
    private readonly side: LineHead['side'],
    private readonly domid: number,
  ) {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
    // O_NONBLOCK: should it be a FIFO after all, its reader is not waited for.
    this.fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
    this.write({ type: 'begin', pid: process.pid });
  }

  event(event: MigrationEvent): void {
    if (!UNLOGGED.has(event.type)) this.write({ type: 'event', event: event as LoggedEvent });
  }

  write(body: Body<EventLine>): void {
    this.reported ||= body.type === 'report';
    if (this.fd === undefined) return;
    const line: EventLine = { ...body, side: this.side, domid: this.domid, time: Date.now() } as EventLine;
    try {
      writeSync(this.fd, `${JSON.stringify(line)}\n`);
    } catch {
      this.close();
    }
  }

  /** After a report of success nothing has failed that matters. */
  fail(failure: HelperFailure): void {
    if (!this.reported) this.write({ type: 'failed', failure });
  }

  close(): void {
    if (this.fd === undefined) return;
    closeSync(this.fd);
    this.fd = undefined;
  }
}
