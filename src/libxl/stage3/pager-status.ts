import type { MigrationEvent, Stage3Progress } from '../../migrate/index.js';
import { type Stage3State, type Stage3Status, StatusFile } from './status-file.js';

const EVERY_MS = 500;

export interface PagerStatusOptions {
  readonly domid: number;
  readonly name: string;
  readonly progress: () => Stage3Progress | undefined;
}

/** Keeps the pager's status file up to date until it is disposed. */
export class PagerStatus implements Disposable {
  private readonly file: StatusFile;
  private readonly startedAt = Date.now();
  private readonly timer: NodeJS.Timeout;
  private state: Stage3State = 'waiting';
  private reason: string | undefined;

  constructor(private readonly options: PagerStatusOptions) {
    this.file = new StatusFile('pager', options.domid);
    this.timer = setInterval(() => this.write(), EVERY_MS);
    this.write();
  }

  /** The domain runs. */
  running(): void {
    this.state = 'running';
    this.write();
  }

  event(event: MigrationEvent): void {
    if (event.type !== 'channel') return;
    this.state = event.what === 'broken' ? 'broken' : 'running';
    this.reason = event.reason;
  }

  ended(failure?: string): void {
    this.state = failure === undefined ? 'completed' : 'failed';
    this.reason = failure;
    this.write();
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }

  private write(): void {
    const progress = this.options.progress();
    if (!progress) return;
    const { domid, name } = this.options;
    const { missing, missingPages, faults, faultLatencyMs, blockedMs, reconnects } = progress;
    const status: Stage3Status = {
      ...{ role: 'pager', domid, name, pid: process.pid, state: this.state },
      ...{ startedAt: this.startedAt, updatedAt: Date.now() },
      ...{ missingAtStart: missingPages, missing, faults, faultLatencyMs, blockedMs, reconnects, reason: this.reason },
    };
    this.file.write(status);
  }
}
