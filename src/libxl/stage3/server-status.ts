import type { MigrationEvent, MigrationState } from '../../migrate/index.js';
import { pageOps } from '../../native/index.js';
import { type Stage3State, StatusFile } from './status-file.js';

const EVERY_MS = 500;
const LATER: ReadonlySet<string> = new Set(['demand', 'prepull', 'push']);

/** Keeps the page server's status file up to date, from the migration's events, once there is a stage 3. */
export class ServerStatus implements Disposable {
  private readonly file: StatusFile;
  private startedAt = 0;
  private writtenAt = 0;
  private state: Stage3State | undefined;
  private lacking = 0;
  private missingAtStart = 0;
  private missing = 0;
  private reason: string | undefined;

  constructor(
    private readonly domid: number,
    private readonly name: string,
  ) {
    this.file = new StatusFile('page-server', domid);
  }

  event(event: MigrationEvent): void {
    if (event.type === 'lacking') this.lacking = pageOps.bitmapCount(event.bitmap, event.nrGfns);
    else if (event.type === 'pages') this.sent(event.gfns.length, event.why);
    else if (event.type === 'channel') this.reason = event.reason;
    else if (event.type === 'state') this.to(event.to);
  }

  failed(reason: string): void {
    if (this.state === undefined) return;
    this.reason = reason;
    this.become('failed');
  }

  [Symbol.dispose](): void {
    if (this.state === 'running' || this.state === 'broken') this.failed('it was ended');
  }

  private sent(pages: number, why: string): void {
    if (why === 'vital') this.lacking -= pages;
    if (this.state === undefined || !LATER.has(why)) return;
    this.missing -= pages;
    if (Date.now() - this.writtenAt >= EVERY_MS) this.write();
  }

  private to(state: MigrationState): void {
    if (state === 'stage3' && this.state === undefined) {
      this.startedAt = Date.now();
      this.missingAtStart = this.lacking;
      this.missing = this.lacking;
    }
    if (state === 'stage3') this.become('running');
    else if (this.state !== undefined && (state === 'broken' || state === 'completed')) this.become(state);
  }

  private become(state: Stage3State): void {
    this.state = state;
    this.write();
  }

  private write(): void {
    if (this.state === undefined) return;
    this.writtenAt = Date.now();
    const { domid, name, state, startedAt, missingAtStart, reason } = this;
    this.file.write({
      ...{ role: 'page-server', domid, name, pid: process.pid, state, startedAt, updatedAt: Date.now() },
      ...{ missingAtStart, missing: Math.max(0, this.missing), reason },
    });
  }
}
