import type { Machine } from '../machine.js';
import { entryHigh, entryIndex, entryLow, frameOf, LEVELS, Pte } from '../mmu/pte.js';

const FLAGS = Pte.PRESENT | Pte.WRITABLE | Pte.USER;

/** Writes a guest's page tables before it runs, as a boot loader does. Tables come from a pool of neighbouring gfns. */
export class PageTables {
  readonly root: number;
  private used = 0;

  constructor(
    private readonly machine: Machine,
    private readonly pool: number,
    private readonly poolPages: number,
  ) {
    this.root = this.newTable();
  }

  /** Tables that `heap` pages of heap and the other regions need at most (layout.ts). */
  static poolFor(heap: number): number {
    const forHeap = Math.ceil(heap / 512) + Math.ceil(heap / 512 ** 2);
    // Root; a third-level table for each of three regions; second and first level of the window, and a spare; the pool's own.
    const rest = 1 + 3 + 3;
    const tables = forHeap + rest;
    return tables + Math.ceil((tables + 4) / 511) + 2;
  }

  /** Maps a page, making the tables on the way. */
  map(vpn: number, gfn: number): void {
    this.setEntry(entryIndex(this.tableOf(vpn), vpn, 1), gfn);
  }

  /** gfn of the first-level table of `vpn`, made if it is not there. */
  tableOf(vpn: number): number {
    let table = this.root;
    for (let level = LEVELS; level > 1; level--) table = this.next(entryIndex(table, vpn, level));
    return table;
  }

  /** A table that nothing points to yet. */
  newTable(): number {
    if (this.used === this.poolPages) throw new Error('the pool of page tables is too small');
    return this.pool + this.used++;
  }

  private next(entry: number): number {
    const { words } = this.machine;
    if ((words[entry] & Pte.PRESENT) !== 0) return frameOf(words[entry], words[entry + 1]);
    const table = this.newTable();
    this.setEntry(entry, table);
    return table;
  }

  private setEntry(entry: number, gfn: number): void {
    this.machine.words[entry] = entryLow(gfn, FLAGS);
    this.machine.words[entry + 1] = entryHigh(gfn);
  }
}
