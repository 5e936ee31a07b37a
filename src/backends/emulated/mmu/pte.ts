/**
 * x86-64 page tables, 4 levels, 4 KiB pages (Intel SDM vol. 3, 4.5). An entry is 64 bits; we hold it as two 32-bit
 * words, since JavaScript has no fast 64-bit integer. Virtual page numbers are 32-bit here: 16 TiB of address space.
 */
export const Pte = {
  PRESENT: 0x001,
  WRITABLE: 0x002,
  USER: 0x004,
  ACCESSED: 0x020,
  DIRTY: 0x040,
} as const;

/** Words in a page, and in an entry. */
export const PAGE_WORDS = 1024;
const ENTRY_WORDS = 2;
export const LEVELS = 4;

/** Index of the word of `vpn`'s entry at `level` (4 is the root) in the table page `table`. */
export function entryIndex(table: number, vpn: number, level: number): number {
  return table * PAGE_WORDS + ((vpn >>> (9 * (level - 1))) & 511) * ENTRY_WORDS;
}

/** Frame of an entry: bits 12–51. */
export function frameOf(low: number, high: number): number {
  return (high & 0xfffff) * 0x100000 + (low >>> 12);
}

/** Low and high word of an entry for `gfn`. */
export const entryLow = (gfn: number, flags: number): number => (((gfn & 0xfffff) << 12) | flags) >>> 0;
export const entryHigh = (gfn: number): number => Math.floor(gfn / 0x100000);
