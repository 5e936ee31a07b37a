/** Keeps the account of one migration: its state, counters, events and, at the end, its report. */
import { pageOps } from '../native/index.js';
import type { Clock } from './io/clock.js';
import { guarded } from './listener.js';
import { ProgressMeter } from './progress.js';
import type {
  MigrationEvent,
  MigrationReport,
  MigrationState,
  RoundReport,
  Stage3Report,
  StopReason,
  Strategy,
} from './report.js';
import { assertTransition } from './state.js';

/** Often enough for a progress bar, rare enough to cost nothing. */
const PROGRESS_EVERY_MS = 100;

/** A round of less says more about latency than about the link. */
const TELLING_BYTES = 1 << 20;

export type PageReason = Extract<MigrationEvent, { type: 'pages' }>['why'];
type Body<E> = E extends unknown ? Omit<E, 'at'> : never;

export class Recorder {
  state: MigrationState = 'setup';
  strategy: Strategy;
  stopReason: StopReason = 'single-pass';
  stage3: Stage3Report | undefined;
  predictedDowntimeMs = 0;
  downtimeMs = 0;
  pagesSent = 0;
  elidedPages = 0;
  bytesSent = 0;
  readonly rounds: RoundReport[] = [];
  private readonly onEvent: ((event: MigrationEvent) => void) | undefined;
  private readonly parts: Record<string, number> = {};
  private readonly byReason = new Map<PageReason, number>();
  private readonly sends: Uint8Array;
  private maxSends = 0;
  private readonly startedAt: number;
  private sendingSince: number;
  private readonly meter: ProgressMeter;
  private progressAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly clock: Clock,
    strategy: Strategy,
    nrGfns: number,
    onEvent?: (event: MigrationEvent) => void,
    bandwidth?: number,
  ) {
    this.onEvent = guarded(onEvent);
    this.strategy = strategy;
    this.sends = new Uint8Array(nrGfns);
    this.startedAt = this.sendingSince = clock.now();
    this.meter = new ProgressMeter(clock, bandwidth);
  }

  emit(event: Body<MigrationEvent>): void {
    this.onEvent?.({ ...event, at: this.clock.now() - this.startedAt } as MigrationEvent);
  }

  to(state: MigrationState): void {
    assertTransition(this.state, state);
    const from = this.state;
    this.state = state;
    if (state === 'stage1') this.sendingSince = this.clock.now();
    this.emit({ type: 'state', from, to: state });
  }

  choose(strategy: Strategy, reason: string): void {
    this.strategy = strategy;
    this.emit({ type: 'strategy', strategy, reason });
  }

  /** `gfns` went out with their data. */
  pages(gfns: Uint32Array, why: PageReason): void {
    this.pagesSent += gfns.length;
    this.byReason.set(why, this.sentFor(why) + gfns.length);
    if (gfns.length > 0) this.maxSends = Math.max(this.maxSends, pageOps.increment(this.sends, gfns));
    if (this.onEvent) this.emit({ type: 'pages', gfns: gfns.slice(), why });
  }

  /** The destination lacks the last version of these. */
  lacking(bitmap: Uint8Array, nrGfns: number): void {
    if (this.onEvent) this.emit({ type: 'lacking', bitmap: bitmap.slice(), nrGfns });
  }

  sentFor(why: PageReason): number {
    return this.byReason.get(why) ?? 0;
  }

  /** How the pages of stage 3 came to be sent. */
  stage3Pages(): Pick<Stage3Report, 'demandPages' | 'prepullPages' | 'pushPages'> {
    return {
      demandPages: this.sentFor('demand'),
      prepullPages: this.sentFor('prepull'),
      pushPages: this.sentFor('push'),
    };
  }

  round(round: RoundReport): void {
    this.rounds.push(round);
    this.emit({ type: 'round', round });
  }

  /** So much of a part has been found to be another. */
  splitPart(whole: string, name: string, ms: number): void {
    const share = Math.min(ms, this.parts[whole] ?? 0);
    this.part(whole, -share);
    this.part(name, share);
  }

  part(name: string, ms: number): void {
    this.parts[name] = (this.parts[name] ?? 0) + ms;
  }

  /** `pagesLeft`: pages known to be left to send; asked for only when somebody listens and it is time. */
  progress(pagesLeft: () => number, force = false): void {
    if (!this.onEvent) return;
    const now = this.clock.now();
    if (!force && now - this.progressAt < PROGRESS_EVERY_MS) return;
    this.progressAt = now;
    const progress = this.meter.update(this.pagesSent + this.elidedPages, Math.max(0, pagesLeft()), this.bytesSent);
    this.emit({ type: 'progress', state: this.state, progress });
  }

  /** Bytes a second: of the last round that sent enough to tell, or of the sending so far. */
  rate(): number {
    const telling = this.rounds.findLast(({ ms, bytesSent }) => ms > 0 && bytesSent >= TELLING_BYTES);
    const { ms, bytesSent } = telling ?? { ms: this.clock.now() - this.sendingSince, bytesSent: this.bytesSent };
    return ms > 0 && bytesSent > 0 ? (bytesSent / ms) * 1000 : Number.POSITIVE_INFINITY;
  }

  report(): MigrationReport {
    return {
      strategy: this.strategy,
      state: this.state,
      totalMs: this.clock.now() - this.startedAt,
      downtimeMs: this.downtimeMs,
      predictedDowntimeMs: this.predictedDowntimeMs,
      downtimeParts: { ...this.parts },
      pagesSent: this.pagesSent,
      elidedPages: this.elidedPages,
      bytesSent: this.bytesSent,
      maxSendsPerPage: this.maxSends,
      rounds: [...this.rounds],
      stopReason: this.stopReason,
      stage3: this.stage3,
    };
  }
}
