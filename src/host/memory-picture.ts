/** A running migration as a row of cells, each an equal part of the domain's memory (api.ts, MemoryLine). */
import { MAX_BATCH } from '../backends/backend.js';
import type { MigrationEvent } from '../migrate/report.js';
import { pageOps } from '../native/index.js';

const CELLS = 64;
/** Pages of a cell that are looked at; of a larger cell, so many at equal distances. */
const SAMPLES = 32;

/** What is kept a page, as the index of its character. */
const Page = { UNSENT: 0, SENT: 1, DIRTY: 2, ARRIVED: 3 } as const;
const WHILE_IT_RUNS_HERE = '.sda';
const WHILE_IT_RUNS_THERE = 'ssma';

export class MemoryPicture {
  private pages = new Uint8Array(0);
  private characters = WHILE_IT_RUNS_HERE;

  /** `draw` gets the cells whenever there is something new to see, as often as there is progress. */
  constructor(private readonly draw: (cells: string) => void) {}

  observe(event: MigrationEvent): void {
    if (event.type === 'lacking') this.lacking(event.bitmap, event.nrGfns);
    if (event.type === 'pages') this.sent(event.gfns);
    // What was not sent as data in the full copy has gone as a type: zero pages, and holes.
    if (event.type === 'round' && event.round.round === 0) this.characters = `s${this.characters.slice(1)}`;
    if (event.type === 'state' && event.to === 'stage3') this.characters = WHILE_IT_RUNS_THERE;
    if (event.type === 'progress' || (event.type === 'state' && this.pages.length > 0)) this.draw(this.cells());
  }

  /** The first time that is everything. */
  private lacking(bitmap: Uint8Array, nrGfns: number): void {
    if (this.pages.length === 0) {
      this.pages = new Uint8Array(nrGfns);
      return;
    }
    const gfns = new Uint32Array(MAX_BATCH);
    for (let cursor = 0; ; ) {
      const count = pageOps.bitmapToGfns(bitmap, nrGfns, cursor, gfns);
      if (count === 0) return;
      pageOps.setBytesAt(this.pages, gfns.subarray(0, count), Page.DIRTY);
      cursor = gfns[count - 1] + 1;
    }
  }

  private sent(gfns: Uint32Array): void {
    if (gfns.length === 0) return;
    const there = this.characters === WHILE_IT_RUNS_THERE;
    pageOps.setBytesAt(this.pages, gfns, there ? Page.ARRIVED : Page.SENT);
  }

  private cells(): string {
    const size = this.pages.length / CELLS;
    return Array.from({ length: CELLS }, (_, cell) => this.characters[this.commonest(cell * size, size)]).join('');
  }

  private commonest(first: number, size: number): number {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < SAMPLES; i++) counts[this.pages[Math.floor(first + (i * size) / SAMPLES)] ?? 0]++;
    return counts.indexOf(Math.max(...counts));
  }
}
