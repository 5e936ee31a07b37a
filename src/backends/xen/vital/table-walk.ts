/**
 * A walk over a guest's page tables, a level at a time: which pages are tables, and where some addresses lead. The guest may have
 * written anything there: what is found is bounded, and a page is visited once.
 */
import type { PagingOps } from '../../../native/index.js';
import { MAX_BATCH, type Mapping, NOT_MAPPED, PAGE_SIZE } from '../../backend.js';

export interface Walk {
  readonly map: (gfns: Uint32Array) => Promise<Mapping>;
  readonly ops: Pick<PagingOps, 'childTables'>;
  /** One bit for each gfn that there can be. Those of tables become set. */
  readonly seen: Uint8Array;
}

/** An address, and the table that leads to it, level by level. */
export interface Visit {
  readonly address: bigint;
  readonly table: number;
}

/** More tables than that no vital part of a guest has; the rest comes when it is touched. */
const MOST_TABLES = 8192;

const PRESENT = 1n;
const LARGE = 1n << 7n;
const FRAME_BITS = 52;
const INDEX_BITS = 9n;
const PAGE_SHIFT = 12n;
/** Levels at which an entry may be a page of 2 MiB or 1 GiB. */
const LARGE_LEVELS: ReadonlySet<number> = new Set([2, 3]);

/** gfns of the pages at these addresses. `visits`: each begins at a root, a table of the highest of `levels`. */
export async function walkTables(walk: Walk, levels: number, visits: readonly Visit[]): Promise<number[]> {
  const pages: number[] = [];
  let left = MOST_TABLES;
  let tables = newTables(walk.seen, visits);
  for (let level = levels; level >= 1 && tables.length > 0; level--) {
    const children: Uint32Array[] = [];
    const onward: Visit[] = [];
    // Of the lowest tables only those are read that lead to an address.
    const wanted = level > 1 ? tables : tablesOf(visits);
    for (let at = 0; at < wanted.length; at += MAX_BATCH) {
      const batch = wanted.slice(at, at + MAX_BATCH);
      using mapping = await walk.map(batch);
      if (level > 1) {
        const found = childrenIn(walk, mapping, level, left);
        children.push(found);
        left -= found.length;
      }
      follow(mapping, batch, level, visits, onward, pages);
    }
    tables = Uint32Array.from(children.flatMap((some) => [...some]));
    visits = onward;
  }
  return pages;
}

function childrenIn({ ops, seen }: Walk, { base, slots }: Mapping, level: number, most: number): Uint32Array {
  return ops.childTables(base, slots, LARGE_LEVELS.has(level), seen, most);
}

/** Takes each address that goes through these tables one level on. */
function follow(
  { base, slots }: Mapping,
  tables: Uint32Array,
  level: number,
  visits: readonly Visit[],
  onward: Visit[],
  pages: number[],
): void {
  const view = new DataView(base.buffer, base.byteOffset, base.length);
  const shift = PAGE_SHIFT + INDEX_BITS * BigInt(level - 1);
  for (const { address, table } of visits) {
    const slot = slots[tables.indexOf(table)] ?? NOT_MAPPED;
    if (slot === NOT_MAPPED) continue;
    const index = Number(BigInt.asUintN(Number(INDEX_BITS), address >> shift));
    const entry = view.getBigUint64(slot * PAGE_SIZE + 8 * index, true);
    if ((entry & PRESENT) === 0n) continue;
    const frame = BigInt.asUintN(FRAME_BITS, entry) >> PAGE_SHIFT;
    const isLarge = LARGE_LEVELS.has(level) && (entry & LARGE) !== 0n;
    // The frame of a large page is aligned; the address says which page of it.
    const within = (1n << (shift - PAGE_SHIFT)) - 1n;
    if (isLarge) pages.push(Number((frame & ~within) | ((address >> PAGE_SHIFT) & within)));
    else if (level === 1) pages.push(Number(frame));
    else onward.push({ address, table: Number(frame) });
  }
}

function newTables(seen: Uint8Array, visits: readonly Visit[]): Uint32Array {
  const roots = tablesOf(visits).filter((gfn) => gfn < seen.length * 8);
  for (const gfn of roots) seen[gfn >> 3] |= 1 << (gfn & 7);
  return roots;
}

function tablesOf(visits: readonly Visit[]): Uint32Array {
  return Uint32Array.from(new Set(visits.map(({ table }) => table)));
}
