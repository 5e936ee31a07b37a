import type { Clock } from './io/clock.js';
import type { Progress } from './report.js';

/** How much of the past the rate is an average of. */
const RATE_WINDOW_MS = 2000;

/**
 * Turns "so much done, so much known to be left" into progress that never runs backwards. A guest that keeps writing makes
 * the remaining work grow; then the fraction and the ETA stand still rather than go back.
 */
export class ProgressMeter {
  private fraction = 0;
  private etaMs: number | undefined;
  private lastAt: number;
  private windowAt: number;
  private windowBytes = 0;
  private rate = 0;

  constructor(private readonly clock: Clock) {
    this.lastAt = this.windowAt = clock.now();
  }

  /** @param pagesSent sent so far @param pagesLeft known to be left @param bytesSent so far */
  update(pagesSent: number, pagesLeft: number, bytesSent: number): Progress {
    const now = this.clock.now();
    this.measureRate(now, bytesSent);
    const all = pagesSent + pagesLeft;
    if (all > 0) this.fraction = Math.max(this.fraction, Math.min(1, pagesSent / all));
    this.measureEta(now, pagesSent, pagesLeft, bytesSent);
    return { fraction: this.fraction, pagesSent, bytesSent, bytesPerSecond: this.rate, etaMs: this.etaMs };
  }

  private measureRate(now: number, bytesSent: number): void {
    const passed = now - this.windowAt;
    if (passed <= 0) return;
    this.rate = ((bytesSent - this.windowBytes) / passed) * 1000;
    if (passed > RATE_WINDOW_MS) {
      this.windowAt = now;
      this.windowBytes = bytesSent;
    }
  }

  private measureEta(now: number, pagesSent: number, pagesLeft: number, bytesSent: number): void {
    if (this.rate > 0 && pagesSent > 0) {
      const estimate = ((pagesLeft * (bytesSent / pagesSent)) / this.rate) * 1000;
      const counted = this.etaMs === undefined ? estimate : Math.max(0, this.etaMs - (now - this.lastAt));
      // Sooner than promised is news at once; later than promised holds the clock still.
      this.etaMs = this.etaMs === undefined ? estimate : Math.min(this.etaMs, Math.max(counted, estimate));
    }
    this.lastAt = now;
  }
}
