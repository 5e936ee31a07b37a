/** What the engine tells, in libxl's log and progress, and in the events' file. */
import type { MigrationEvent, MigrationReport, RoundReport, Strategy } from '../../migrate/index.js';
import type { EventFile } from './events.js';
import { Level, type Libxl } from './libxl.js';

export class Narrator {
  private round = 0;
  private stoppedAt: number | undefined;
  private stoppedMs = 0;

  constructor(
    private readonly libxl: Libxl,
    private readonly events: EventFile | undefined,
    private strategy: Strategy | 'auto',
  ) {}

  /** The guest is about to be stopped. */
  stopping(): void {
    this.stoppedAt = performance.now();
  }

  event(event: MigrationEvent): void {
    this.events?.event(event);
    if (event.type === 'round') this.endOfRound(event.round);
    if (event.type === 'strategy') this.strategy = event.strategy;
    if (event.type === 'log-dirty')
      this.libxl.log(
        Level.WARN,
        'Log-dirty mode was on already: it has been taken over. Whoever else reads it from now on loses pages',
      );
    if (event.type !== 'progress') return;
    const { fraction, pagesSent } = event.progress;
    // As libxc's own helper names it.
    if (fraction > 0)
      this.libxl.progress(`Frames iteration ${this.round}`, pagesSent, Math.round(pagesSent / fraction));
  }

  saved(report: MigrationReport): void {
    const stoppedMs = this.stoppedAt === undefined ? 0 : performance.now() - this.stoppedAt;
    const parts = Object.entries(report.downtimeParts).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
    const { pagesSent, elidedPages, bytesSent, rounds, totalMs, stopReason } = report;
    this.libxl.log(
      Level.INFO,
      `Sent ${pagesSent} pages, ${elidedPages} without data, ${bytesSent} bytes, ${rounds.length} rounds (${stopReason}) in ` +
        `${(totalMs / 1000).toFixed(1)} s; stopped for ${stoppedMs.toFixed(1)} ms so far: ${parts.join(', ')}`,
    );
    this.stoppedMs = stoppedMs;
    // What xl adds to it comes now; of post-copy there is more to tell.
    if (this.strategy === 'precopy') this.events?.write({ type: 'report', report, stoppedMs });
  }

  /** Everything has come to its end; of post-copy, only now. */
  over(report: MigrationReport): void {
    if (this.strategy !== 'precopy') this.events?.write({ type: 'report', report, stoppedMs: this.stoppedMs });
  }

  private endOfRound({
    round,
    dirtyPages,
    pagesSent,
    elidedPages,
    skippedPages,
    deferredPages,
    ms,
  }: RoundReport): void {
    this.round = round + 1;
    this.libxl.log(
      Level.DETAIL,
      `Round ${round}: ${dirtyPages} pages, ${pagesSent} sent, ${elidedPages} without data, ${skippedPages} left for the next, ` +
        `${deferredPages} deferred, ${ms.toFixed(1)} ms`,
    );
  }
}
