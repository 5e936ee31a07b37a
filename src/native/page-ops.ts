/**
 * What runs once a page. One implementation in C++ (native/), one in TypeScript (fallback.ts) for machines
 * without a compiler; a property test holds them equal. Callers import `pageOps` from './index.js'.
 *
 * Bitmaps are as log-dirty's: bit n of byte k is gfn 8k + n. `base` and `slots` are as in a Mapping of the
 * contract: page i lies at base[slots[i] * 4096], or is absent where slots[i] is NOT_MAPPED (0xffffffff).
 * Every function checks its bounds and throws RangeError rather than touch a byte outside its arguments.
 * Typed arrays may lie over SharedArrayBuffers.
 */
export interface PageOps {
  /** 'native' or 'typescript'. */
  readonly kind: 'native' | 'typescript';

  /** Writes the set gfns in [start, pages) to `out`, ascending, until it is full. Returns how many. */
  bitmapToGfns(bitmap: Uint8Array, pages: number, start: number, out: Uint32Array): number;
  /** Number of set bits among the first `pages`. */
  bitmapCount(bitmap: Uint8Array, pages: number): number;
  /** dst |= src; equal lengths. */
  bitmapOr(dst: Uint8Array, src: Uint8Array): void;
  /** dst &= src; equal lengths. */
  bitmapAnd(dst: Uint8Array, src: Uint8Array): void;
  /** dst &= ~src; equal lengths. */
  bitmapAndNot(dst: Uint8Array, src: Uint8Array): void;
  /** Sets each gfn's bit; returns how many were clear. */
  bitmapSet(bitmap: Uint8Array, gfns: Uint32Array): number;
  /** Clears each gfn's bit; returns how many were set. */
  bitmapClear(bitmap: Uint8Array, gfns: Uint32Array): number;
  /** out[i] = 1 where gfns[i]'s bit is set, else 0. */
  bitmapTest(bitmap: Uint8Array, gfns: Uint32Array, out: Uint8Array): void;

  /** out[i] = table[indices[i]]. */
  bytesAt(table: Uint8Array, indices: Uint32Array, out: Uint8Array): void;
  /** table[indices[i]] = value for each i; returns how many differed. */
  setBytesAt(table: Uint8Array, indices: Uint32Array, value: number): number;
  /** counts[gfns[i]]++ (saturating at 255); returns the largest value reached. */
  increment(counts: Uint8Array, gfns: Uint32Array): number;

  /**
   * Runs of neighbouring slots, absent pages left out: out[2k] = first slot, out[2k+1] = pages. Returns the number of
   * runs, or -1 if `out` is too short for them all.
   */
  runs(slots: Uint32Array, out: Uint32Array): number;
  /** flags[i] = 1 where page i is all zeroes, else 0 (absent pages: 0). Returns how many are. */
  zeroPages(base: Uint8Array, slots: Uint32Array, flags: Uint8Array): number;
  /**
   * Makes slots[i] NOT_MAPPED where types[i] carries no data (BROKEN, XALLOC, XTAB). Returns how many pages that should carry
   * data have no slot. Types as in PageType of the contract.
   */
  dropDataless(types: Uint8Array, slots: Uint32Array): number;
  /**
   * Zero pages need not travel unless older contents already did: where page i is plain RAM (type NOTAB; a page table's type
   * must survive), all zeroes, and gfns[i] is not set in `sent`, types[i] becomes XALLOC and slots[i] NOT_MAPPED. Returns how many.
   */
  elideZeroPages(base: Uint8Array, gfns: Uint32Array, sent: Uint8Array, types: Uint8Array, slots: Uint32Array): number;
  /** Writes to `out`, in order, the gfns whose slot is not NOT_MAPPED. Returns how many. */
  present(gfns: Uint32Array, slots: Uint32Array, out: Uint32Array): number;
  /** Copies the present pages of `base`, in order, to the start of `out`. Returns how many pages. */
  gather(base: Uint8Array, slots: Uint32Array, out: Uint8Array): number;
  /** Copies pages from `source`, in order, to the present slots of `base`. Returns how many pages. */
  scatter(source: Uint8Array, base: Uint8Array, slots: Uint32Array): number;
  /**
   * A 16-byte digest of each present page (MurmurHash3 x86_128, seed 0) to out[16 i]; absent pages get zeroes.
   * Against accidents, not against an adversary.
   */
  digestPages(base: Uint8Array, slots: Uint32Array, out: Uint8Array): void;

  /** PAGE_DATA entries: little-endian u64 of type << 60 | gfn, to `out`. */
  encodePfns(gfns: Uint32Array, types: Uint8Array, out: Uint8Array): void;
  /**
   * The reverse, on hostile input. Returns the number of entries whose type carries data, or -1 - i where entry i has
   * reserved bits set, an unknown type, or a gfn ≥ limit.
   */
  decodePfns(entries: Uint8Array, limit: number, gfns: Uint32Array, types: Uint8Array): number;

  /** Touches every page, so that first use costs nothing later; asks for huge pages where the kernel has them. */
  prefault(memory: Uint8Array): void;
}
