import { MAX_BATCH } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { MOST_RUNS, type RecordedSet } from '../recorded-set.js';

/** 64 KiB, the step of CRIU's lazy pages. */
const STEP = 16;
/** 1 MiB. */
const LARGEST = 256;
/** Windows that wait to be sent: a vCPU makes one at a time, so more than the recorded set and these is not a guest's doing. */
const MOST_WINDOWS = MOST_RUNS + 1024;

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

  /** These are going to be needed, in this order: the first one first, but behind any window round a missing page. */
  expect(set: RecordedSet): void {
    const windows = set.slice(0, MOST_WINDOWS).map(({ first, count }) => ({ first, end: first + count }));
    this.windows.unshift(...windows.reverse());
  }

  /** How many pages take() will give at most, of `most` that the link allows. Fewer than `least` are not worth a batch. */
  next(most: number, least = 1): number {
    return Math.max(1, Math.min(Math.max(this.size, least), most, LARGEST));
  }

  /** The newest window round a missing page first, then on from the cursor, wrapping round. */
  take(most: number, least = 1): PushBatch {
    const limit = this.next(most, least);
    const wanted = this.fromWindows(limit);
    if (wanted.length > 0) return { gfns: wanted, why: 'prepull' };
    const out = this.buffer.subarray(0, limit);
    let gfns = this.find(this.at, this.nrGfns, out);
    if (gfns.length === 0) gfns = this.find(0, this.nrGfns, out);
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

  /** As many of them in one batch as there is room for. */
  private fromWindows(limit: number): Uint32Array {
    let taken = 0;
    for (let window = this.windows.at(-1); window && taken < limit; window = this.windows.at(-1)) {
      taken += this.send(this.find(window.first, window.end, this.buffer.subarray(taken, limit))).length;
      if (taken < limit) this.windows.pop();
    }
    return this.buffer.subarray(0, taken);
  }

  private find(first: number, end: number, out: Uint32Array): Uint32Array {
    return out.subarray(0, pageOps.bitmapToGfns(this.unsent, end, first, out));
  }

  private send(gfns: Uint32Array): Uint32Array {
    pageOps.bitmapClear(this.unsent, gfns);
    return gfns;
  }
}
