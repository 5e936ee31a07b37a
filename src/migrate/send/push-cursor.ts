import { MAX_BATCH } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';

/** 64 KiB, the step of CRIU's lazy pages. */
const STEP = 16;
/** 1 MiB. */
const LARGEST = 256;
/** Windows that wait to be sent; a vCPU makes one at a time, so more than this is not a guest's doing. */
const MOST_WINDOWS = 1024;

export interface PushBatch {
  /** Valid until the next batch is taken; empty when nothing is unsent. */
  readonly gfns: Uint32Array;
  readonly why: 'prepull' | 'push';
}

/** Which unsent pages go next, and how many. Pages taken or claimed are unsent no more. */
export class PushCursor {
  private at = 0;
  private size = STEP;
  private windows: { first: number; end: number }[] = [];
  private readonly buffer = new Uint32Array(MAX_BATCH);

  constructor(
    private readonly unsent: Uint8Array,
    private readonly nrGfns: number,
  ) {}

  /** How many pages take() will give at most, of `most` that the link allows. Fewer than `least` are not worth a batch. */
  next(most: number, least = 1): number {
    return Math.max(1, Math.min(Math.max(this.size, least), most));
  }

  /** The newest window round a missing page first, then on from the cursor, wrapping round. */
  take(most: number, least = 1): PushBatch {
    const limit = this.next(most, least);
    for (let window = this.windows.at(-1); window; window = this.windows.at(-1)) {
      const gfns = this.find(window.first, window.end, limit);
      if (gfns.length > 0) return { gfns: this.send(gfns), why: 'prepull' };
      this.windows.pop();
    }
    let gfns = this.find(this.at, this.nrGfns, limit);
    if (gfns.length === 0) gfns = this.find(0, this.nrGfns, limit);
    if (gfns.length === 0) return { gfns, why: 'push' };
    this.at = gfns[gfns.length - 1] + 1;
    this.size = Math.min(LARGEST, this.size + STEP);
    return { gfns: this.send(gfns), why: 'push' };
  }

  /** Takes one page out of turn, since a vCPU waits for it. Empty if it has been sent. */
  claim(gfn: number): Uint32Array {
    const page = Uint32Array.of(gfn);
    return pageOps.bitmapClear(this.unsent, page) > 0 ? page : new Uint32Array(0);
  }

  /** A vCPU waits: its window goes next, the push continues behind it, in small batches again. */
  faultAt(first: number, count: number): void {
    const end = Math.min(this.nrGfns, first + count);
    if (this.windows.length === MOST_WINDOWS) this.windows.shift();
    if (end > first) this.windows.push({ first, end });
    this.at = end < this.nrGfns ? end : 0;
    this.size = STEP;
  }

  /** After the connection broke: what was promised on it is void. */
  reset(): void {
    this.windows = [];
    this.size = STEP;
  }

  /** Pages still unsent. */
  left(): number {
    return pageOps.bitmapCount(this.unsent, this.nrGfns);
  }

  private find(first: number, end: number, most: number): Uint32Array {
    const out = this.buffer.subarray(0, Math.min(most, LARGEST));
    return out.subarray(0, pageOps.bitmapToGfns(this.unsent, end, first, out));
  }

  private send(gfns: Uint32Array): Uint32Array {
    pageOps.bitmapClear(this.unsent, gfns);
    return gfns;
  }
}
