import { pageOps } from '../../../native/index.js';

/** The gfns of all batches, ascending and each once; all below `nrGfns`. */
export function ascending(nrGfns: number, batches: Iterable<Uint32Array>): Uint32Array {
  const set = new Uint8Array(Math.ceil(nrGfns / 8));
  for (const gfns of batches) pageOps.bitmapSet(set, gfns);
  const sorted = new Uint32Array(pageOps.bitmapCount(set, nrGfns));
  pageOps.bitmapToGfns(set, nrGfns, 0, sorted);
  return sorted;
}
