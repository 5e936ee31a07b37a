import { PAGE_SIZE } from '../../backends/backend.js';
import type { Clock } from '../io/clock.js';

/** Two batches keep the link busy while the first one's TAKEN travels back. */
const MOST_ON_THEIR_WAY = 2;
/** How long one batch may occupy the link: what a page that a vCPU waits for may have to wait behind. */
const BATCH_MS = 2;
/** Weight of the newest measurement. */
const NEWEST = 0.25;

/**
 * Keeps the push from queueing in socket buffers, which a page that a vCPU waits for would have to sit through: few batches
 * on their way, each as large as the link, as measured by the destination's answers, carries in {@link BATCH_MS}.
 */
export class PushPace {
  private readonly onTheirWay: { readonly pages: number; readonly at: number }[] = [];
  private bytesPerMs: number | undefined;
  private lastTaken = Number.NEGATIVE_INFINITY;
  private wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Largest next batch, in pages. */
  get batchPages(): number {
    if (this.bytesPerMs === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((this.bytesPerMs * BATCH_MS) / PAGE_SIZE));
  }

  /** Resolves when another batch may go. */
  async room(): Promise<void> {
    while (this.onTheirWay.length >= MOST_ON_THEIR_WAY) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  sent(pages: number): void {
    this.onTheirWay.push({ pages, at: this.clock.now() });
  }

  /** The destination has applied the oldest batch. */
  taken(): void {
    const batch = this.onTheirWay.shift();
    if (!batch) return; // an answer to nothing: of no use, and of no harm
    const now = this.clock.now();
    const ms = Math.max(0.001, now - Math.max(batch.at, this.lastTaken));
    const measured = (batch.pages * PAGE_SIZE) / ms;
    this.bytesPerMs =
      this.bytesPerMs === undefined ? measured : this.bytesPerMs + NEWEST * (measured - this.bytesPerMs);
    this.lastTaken = now;
    this.wake?.();
  }
}
