import { MAX_BATCH } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';

/**
 * The set gfns of a bitmap in ascending batches. The bitmap may change between two batches: each is taken when asked for.
 * A batch is valid until the next is asked for.
 */
export function* batches(
  bitmap: Uint8Array,
  nrGfns: number,
  size: () => number = () => MAX_BATCH,
): Generator<Uint32Array> {
  const buffer = new Uint32Array(MAX_BATCH);
  let cursor = 0;
  for (;;) {
    const count = pageOps.bitmapToGfns(bitmap, nrGfns, cursor, buffer.subarray(0, size()));
    if (count === 0) return;
    cursor = buffer[count - 1] + 1;
    yield buffer.subarray(0, count);
  }
}
