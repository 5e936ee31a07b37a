import type { Clock } from './clock.js';

/** Idle time that may be made up for by sending faster. More would show as a burst on the operator's link. */
const BURST_MS = 20;
/** Shorter waits cost more in timer overhead than they smooth. */
const SHORTEST_WAIT_MS = 1;

/** How far urgent work may run ahead of the rate. */
const URGENT_DEBT_MS = 100;

/**
 * Keeps bytes within a rate. Work that may wait calls take(). A page that a vCPU waits for calls takeUrgent(), which lets it
 * pass others that wait, and makes these wait the longer: the cap holds over all of them, to {@link URGENT_DEBT_MS}.
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

  /** Accounts for bytes; negative for bytes that were taken and not sent. */
  charge(bytes: number): void {
    this.paidUntil = Math.max(this.paidUntil, this.clock.now() - BURST_MS) + (bytes / this.bytesPerSecond) * 1000;
  }

  /** Waits until earlier bytes have gone, then accounts for these. */
  take(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.wait(bytes, 0, signal);
  }

  takeUrgent(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.wait(bytes, URGENT_DEBT_MS, signal);
  }

  private async wait(bytes: number, debtMs: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const wait = this.paidUntil - debtMs - this.clock.now();
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
