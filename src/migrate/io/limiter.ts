import type { Clock } from './clock.js';

/** Idle time that may be made up for by sending faster. More would show as a burst on the operator's link. */
const BURST_MS = 20;
/** Shorter waits cost more in timer overhead than they smooth. */
const SHORTEST_WAIT_MS = 1;

/**
 * Keeps bytes within a rate. Work that may wait calls take(); a page that a vCPU waits for calls charge(), which lets it
 * pass and makes the others wait the longer, so the cap holds over all of them.
 */
export class RateLimiter {
  /** When the bytes accounted for so far will have gone at this rate. */
  private paidUntil: number;

  constructor(
    private readonly clock: Clock,
    private bytesPerSecond: number = Number.POSITIVE_INFINITY,
  ) {
    this.paidUntil = clock.now();
  }

  setRate(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  get rate(): number {
    return this.bytesPerSecond;
  }

  charge(bytes: number): void {
    this.paidUntil = Math.max(this.paidUntil, this.clock.now() - BURST_MS) + (bytes / this.bytesPerSecond) * 1000;
  }

  /** Waits until earlier bytes have gone, then accounts for these. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const wait = this.paidUntil - this.clock.now();
      if (wait < SHORTEST_WAIT_MS) break;
      await this.clock.sleep(wait, signal);
    }
    this.charge(bytes);
  }

  /** The largest batch, in pages, that does not hold the link for longer than `ms`. */
  batchPages(ms: number, most: number): number {
    const pages = Math.floor((this.bytesPerSecond * ms) / 1000 / 4096);
    return Math.max(1, Math.min(most, pages));
  }
}
