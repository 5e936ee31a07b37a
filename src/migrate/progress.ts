import type { Clock } from './io/clock.js';
import type { Progress } from './report.js';

/** How much of the past the rate is an average of. */
const RATE_WINDOW_MS = 2000;
/** What is sent before this says more about socket buffers than about the link. */
const BUFFERS_FILL_MS = 250;
/** An ETA that could only be wrong is not given. */
const FIRST_ETA_MS = 1000;

/**
 * Turns "so much done, so much known to be left" into progress that never runs backwards. A guest that keeps writing makes
 * the remaining work grow; then the fraction and the ETA stand still rather than go back.
 */
export class ProgressMeter {
  private fraction = 0;
  private etaMs: number | undefined;
  private etaAt = 0;
  private rate = 0;
  private readonly startedAt: number;
  private readonly samples: { readonly at: number; readonly bytes: number }[] = [];

  /** @param mostBytesPerSecond no rate above this is believed */
  constructor(
    private readonly clock: Clock,
    private readonly mostBytesPerSecond = Number.POSITIVE_INFINITY,
  ) {
    this.startedAt = clock.now();
  }

  /** @param pagesSent sent so far @param pagesLeft known to be left @param bytesSent so far */
  update(pagesSent: number, pagesLeft: number, bytesSent: number): Progress {
    const now = this.clock.now();
    this.measureRate(now, bytesSent);
    const all = pagesSent + pagesLeft;
    if (all > 0) this.fraction = Math.max(this.fraction, Math.min(1, pagesSent / all));
    if (pagesLeft === 0) this.etaMs = 0;
    else if (now - this.startedAt >= FIRST_ETA_MS) this.measureEta(now, pagesSent, pagesLeft, bytesSent);
    return { fraction: this.fraction, pagesSent, bytesSent, bytesPerSecond: this.rate, etaMs: this.etaMs };
  }

  /** Over the last two seconds, and not over the first bytes, which only fill buffers. */
  private measureRate(now: number, bytes: number): void {
    if (now - this.startedAt < BUFFERS_FILL_MS) return;
    this.samples.push({ at: now, bytes });
    while (this.samples.length > 2 && now - this.samples[1].at > RATE_WINDOW_MS) this.samples.shift();
    const first = this.samples[0];
    if (now > first.at)
      this.rate = Math.min(this.mostBytesPerSecond, ((bytes - first.bytes) / (now - first.at)) * 1000);
  }

  private measureEta(now: number, pagesSent: number, pagesLeft: number, bytesSent: number): void {
    if (this.rate === 0 || pagesSent === 0) return;
    const estimate = ((pagesLeft * (bytesSent / pagesSent)) / this.rate) * 1000;
    // Sooner than promised is news at once; later than promised holds the clock still.
    const counted = this.etaMs === undefined ? estimate : Math.max(0, this.etaMs - (now - this.etaAt));
    this.etaMs = this.etaMs === undefined ? estimate : Math.min(this.etaMs, Math.max(counted, estimate));
    this.etaAt = now;
  }
}
