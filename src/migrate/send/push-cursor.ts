import { MAX_BATCH } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import type { RateLimiter } from '../io/limiter.js';

/** 64 KiB, CRIU's step. */
const STEP = 16;
/** 1 MiB: more would keep an urgent page waiting in the link's queue. */
const LARGEST = 256;
/** A capped link is held by one batch for no longer than this. */
const BATCH_MS = 5;

/** Which unsent pages the push takes next, and how many. Pages taken or claimed are unsent no more. */
export class PushCursor {
  private at = 0;
  private size = STEP;
  private readonly buffer = new Uint32Array(MAX_BATCH);

  constructor(
    private readonly unsent: Uint8Array,
    private readonly nrGfns: number,
  ) {}

  /** The next batch, wrapping round once; empty when nothing is unsent. Valid until the next call. */
  take(limiter: RateLimiter): Uint32Array {
    const most = Math.min(this.size, limiter.batchPages(BATCH_MS, LARGEST));
    let count = this.find(this.at, most);
    if (count === 0) count = this.find(0, most);
    const gfns = this.buffer.subarray(0, count);
    if (count > 0) {
      pageOps.bitmapClear(this.unsent, gfns);
      this.at = gfns[count - 1] + 1;
      this.size = Math.min(LARGEST, this.size + STEP);
    }
    return gfns;
  }

  /** Those of [first, first + count) that are unsent, at most MAX_BATCH of them. A copy. */
  claim(first: number, count: number): Uint32Array {
    const end = Math.min(this.nrGfns, first + Math.min(count, MAX_BATCH));
    const out = new Uint32Array(Math.max(0, end - first));
    const gfns = out.subarray(0, pageOps.bitmapToGfns(this.unsent, end, first, out));
    pageOps.bitmapClear(this.unsent, gfns);
    return gfns;
  }

  /** A vCPU waits: small batches again, from behind what it was sent. */
  faultAt(next: number): void {
    this.at = next < this.nrGfns ? next : 0;
    this.size = STEP;
  }

  reset(): void {
    this.size = STEP;
  }

  /** Pages still unsent. */
  left(): number {
    return pageOps.bitmapCount(this.unsent, this.nrGfns);
  }

  private find(from: number, most: number): number {
    return pageOps.bitmapToGfns(this.unsent, this.nrGfns, from, this.buffer.subarray(0, most));
  }
}
