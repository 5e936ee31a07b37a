/** Sets of page types, and the pages of a batch that are of one. */
import type { XenOps } from '../../native/index.js';
import { PageType } from '../backend.js';

/** A flag for each byte that a type may be. */
export function typeSet(...types: readonly number[]): Uint8Array {
  const flags = new Uint8Array(256);
  for (const type of types) flags[type] = 1;
  return flags;
}

/** Nothing is there. */
export const HOLE = typeSet(PageType.XTAB);
/** Anything is. */
export const PRESENT = HOLE.map((flag) => 1 - flag);
/** To be there, and nobody is going to fill it. */
export const BLANK = typeSet(PageType.XALLOC);

/** In the order of the batch; `types[i]` is that of `gfns[i]`. */
export function ofTypes(ops: XenOps, gfns: Uint32Array, types: Uint8Array, wanted: Uint8Array): Uint32Array {
  const found = new Uint32Array(gfns.length);
  return found.subarray(0, ops.ofTypes(gfns, types, wanted, found));
}
