/** One migration as a host remembers it: what it may still do, and what it tells. */
import { MigrationError } from '../migrate/errors.js';
import type { MigrationEvent, MigrationReport, MigrationState, Progress } from '../migrate/report.js';
import { isHandedOver } from '../migrate/state.js';
import type { MigrationView } from './api.js';
import { asHostError } from './classify.js';
import { HostError } from './errors.js';

export class MigrationRecord {
  state: MigrationState = 'setup';
  /** Settles with run(), and never rejects. */
  settled: Promise<void> = Promise.resolve();
  private readonly startedAt = new Date().toISOString();
  private readonly abort = new AbortController();
  private readonly listeners = new Set<(event: MigrationEvent) => void>();
  private progress: Progress | undefined;
  private report: MigrationReport | undefined;
  private error: HostError | undefined;
  private done = false;

  constructor(
    readonly id: string,
    readonly direction: 'out' | 'in',
    readonly domain: string,
    readonly peer: string,
  ) {}

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  get finished(): boolean {
    return this.done;
  }

  /** Both hosts hold a part of the domain: ending either now would lose it. */
  get inStage3(): boolean {
    return !this.done && isHandedOver(this.state);
  }

  /** Carries `work` out under this record; the source's ends in a report. */
  async run<Result extends MigrationReport | undefined>(work: () => Promise<Result>): Promise<Result> {
    const running = work().then(
      (report) => this.succeed(report),
      (error: unknown) => this.fail(error),
    );
    this.settled = running.then(
      () => this.finish(),
      () => this.finish(),
    );
    return running;
  }

  observe(event: MigrationEvent): void {
    if (event.type === 'state') this.state = event.to;
    if (event.type === 'progress') this.progress = event.progress;
    for (const listener of this.listeners) listener(event);
  }

  onEvent(listener: (event: MigrationEvent) => void): void {
    this.listeners.add(listener);
  }

  cancel(reason: string): void {
    if (this.done) return;
    if (this.inStage3) {
      throw new HostError(
        'HANDED_OVER',
        `domain ${this.domain} has been handed over to ${this.peer}: this can no longer be cancelled`,
        {
          domain: this.domain,
          remedy: 'let it finish',
        },
      );
    }
    this.abort.abort(new Error(reason));
  }

  view(): MigrationView {
    const { id, direction, domain, peer, state, startedAt, progress, report } = this;
    return { id, direction, domain, peer, state, startedAt, progress, report, error: this.error?.toBody() };
  }

  private succeed<Result extends MigrationReport | undefined>(report: Result): Result {
    this.report = report;
    this.state = 'completed';
    return report;
  }

  private fail(error: unknown): never {
    // Cancelled before the engine had the domain: the engine gives this a name of its own.
    const early = this.signal.aborted && !(error instanceof MigrationError);
    this.error = early ? this.cancelled(error) : asHostError(error, this.domain);
    this.state = this.error.details.detail === 'CANCELLED' ? 'cancelled' : 'failed';
    throw this.error;
  }

  private cancelled(cause: unknown): HostError {
    const details = { domain: this.domain, detail: 'CANCELLED', survivor: 'source', cause } as const;
    return new HostError(
      'MIGRATION',
      `the migration of domain ${this.domain} was cancelled; it runs on at the source`,
      details,
    );
  }

  private finish(): void {
    this.done = true;
    this.listeners.clear();
  }
}
