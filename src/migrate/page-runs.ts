import { PAGE_SIZE } from '../backends/backend.js';

/** Runs of neighbouring pages as I/O vectors: `runs` as pageOps.runs() writes them, the first `count` of them. */
export function runsOf(base: Uint8Array, runs: Uint32Array, count: number): Uint8Array[] {
  const vectors: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const start = runs[2 * i] * PAGE_SIZE;
    vectors.push(base.subarray(start, start + runs[2 * i + 1] * PAGE_SIZE));
  }
  return vectors;
}
