import type { Clock } from '../io/clock.js';
import { BatchCost } from './batch-cost.js';

/** What may stand in the link's queues: what a page that a vCPU waits for may have to wait behind. */
const QUEUE_MS = 2;
/** How much more than the measured rate is tried, so that the measure can grow: while it does, and when it no longer does. */
const GROW = 2.5;
const PROBE = 1.25;
/** A rate that beats the best one by less is noise. */
const GROWTH = 1.05;
/**
 * Pages on their way at least, and before anything has been measured; no batch is smaller. Where a batch costs either end more than its
 * pages do (an emulated or a busy dom0), fewer would keep the rate from ever growing. 64 KiB, the step of CRIU's lazy pages.
 */
const LEAST_PAGES = 16;
/** A batch is this part of what may be on its way, so that answers come often enough. */
const BATCH_SHARE = 8;
/** 1 MiB. */
const MOST_BATCH = 256;
/** Answers that the rate is the best of. */
const REMEMBERED = 32;

interface Batch {
  readonly pages: number;
  readonly at: number;
  /** Pages that had been answered when it was sent. */
  readonly taken: number;
}

/**
 * Keeps as much of the push on its way as fills the link, and little more: pages on their way = rate × (round trip + 2 ms), both
 * measured by the destination's answers (the idea of BBR: Cardwell et al., ACM Queue 2016). What queued in socket buffers
 * beyond that, a page that a vCPU waits for would have to sit through.
 */
export class PushPace {
  private readonly batches: Batch[] = [];
  private readonly rates: number[] = [];
  private readonly cost = new BatchCost();
  /** The shortest ever: later ones hold queues of our own making. */
  private roundTripMs = Number.POSITIVE_INFINITY;
  private gain = GROW;
  private onTheirWay = 0;
  private taken = 0;
  private wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Answers so far, and whether any is outstanding: what a watch over a dead connection wants to know. */
  get answers(): number {
    return this.taken;
  }

  get isWaiting(): boolean {
    return this.batches.length > 0;
  }

  /** Largest next batch, in pages. */
  get batchPages(): number {
    return Math.max(this.leastPages, Math.min(MOST_BATCH, Math.floor(this.limit() / BATCH_SHARE)));
  }

  /** Fewer are not worth a batch. */
  get leastPages(): number {
    return Math.max(LEAST_PAGES, Math.min(MOST_BATCH, Math.floor(this.cost.worthwhile())));
  }

  /** Resolves when another batch may go. */
  async room(): Promise<void> {
    while (this.onTheirWay > 0 && this.onTheirWay + this.batchPages > this.limit()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  sent(pages: number): void {
    this.onTheirWay += pages;
    this.batches.push({ pages, at: this.clock.now(), taken: this.taken });
  }

  /** The destination has applied the oldest batch, for which it took so long. */
  answered(tookMs = 0): void {
    const batch = this.batches.shift();
    if (!batch) return; // an answer to nothing: of no use, and of no harm
    this.onTheirWay -= batch.pages;
    this.cost.add(batch.pages, tookMs);
    this.taken += batch.pages;
    const roundTripMs = Math.max(0.001, this.clock.now() - batch.at);
    this.roundTripMs = Math.min(this.roundTripMs, roundTripMs);
    const rate = (this.taken - batch.taken) / roundTripMs; // pages a ms
    this.gain = rate > GROWTH * Math.max(0, ...this.rates) ? GROW : PROBE;
    this.rates.push(rate);
    if (this.rates.length > REMEMBERED) this.rates.shift();
    this.wake?.();
  }

  /** Pages that may be on their way. */
  private limit(): number {
    if (this.rates.length === 0) return LEAST_PAGES;
    return Math.max(this.leastPages, Math.max(...this.rates) * (this.gain * this.roundTripMs + QUEUE_MS));
  }
}
