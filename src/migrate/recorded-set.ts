/**
 * The recorded set: which pages a guest needed, and in which order, when it last ran without them. It is going to need most of them again
 * (REAP, Ustiugov et al., ASPLOS 2021, of functions started from snapshots), so they go first the next time.
 */
import { pageOps } from '../native/index.js';

/** Gfns from `first` on. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/** Most wanted first; a page may be in several. */
export type RecordedSet = readonly PageRun[];

/** What is needed later than these, the push brings soon enough. */
export const MOST_RUNS = 4096;
/** More than any prepull's window. */
export const MOST_PAGES_OF_A_RUN = 1024;

/** Writes the set of a migration under way: what a vCPU had to ask for although it was not expected, then what was known before. */
export class SetRecorder {
  private readonly fresh: PageRun[] = [];
  /** Set: in a run. */
  private readonly seen: Uint8Array;

  constructor(
    private readonly known: RecordedSet,
    nrGfns: number,
  ) {
    this.seen = new Uint8Array(Math.ceil(nrGfns / 8));
    for (const run of known) this.see(run);
  }

  /** A vCPU waits for `wanted`, and welcomes the window with it. */
  add(wanted: number, { first, count }: PageRun): void {
    if ((this.seen[wanted >> 3] & (1 << (wanted & 7))) !== 0 || this.fresh.length === MOST_RUNS) return;
    const isWithin = wanted >= first && wanted < first + count && count <= MOST_PAGES_OF_A_RUN;
    const run = isWithin ? { first, count } : { first: wanted, count: 1 };
    this.fresh.push(run);
    this.see(run);
  }

  /** What was missed comes first; where there are too many, what has been known for longest makes room. */
  set(): RecordedSet {
    return [...this.fresh, ...this.known].slice(0, MOST_RUNS);
  }

  private see({ first, count }: PageRun): void {
    pageOps.bitmapSet(
      this.seen,
      Uint32Array.from({ length: count }, (_, i) => first + i),
    );
  }
}
