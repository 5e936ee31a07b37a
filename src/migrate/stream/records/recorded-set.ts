/** Body of RECORDED_SET: u32 first and u32 count for each run of gfns. */
import { MOST_PAGES_OF_A_RUN, MOST_RUNS, type RecordedSet } from '../../recorded-set.js';

const ENTRY_SIZE = 8;
export const MAX_RECORDED_SET = ENTRY_SIZE * MOST_RUNS;

export function encodeRecordedSet(set: RecordedSet): Uint8Array {
  const body = new Uint8Array(ENTRY_SIZE * Math.min(set.length, MOST_RUNS));
  const view = new DataView(body.buffer);
  set.slice(0, MOST_RUNS).forEach(({ first, count }, i) => {
    view.setUint32(ENTRY_SIZE * i, first, true);
    view.setUint32(ENTRY_SIZE * i + 4, count, true);
  });
  return body;
}

/**
 * It is a hint and no more: a run that the domain does not have is left out.
 * @param nrGfns of the domain, if that is known
 */
export function decodeRecordedSet(body: Uint8Array, nrGfns = Number.POSITIVE_INFINITY): RecordedSet {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const length = Math.min(MOST_RUNS, Math.floor(body.length / ENTRY_SIZE));
  return Array.from({ length }, (_, i) => ({
    first: view.getUint32(ENTRY_SIZE * i, true),
    count: view.getUint32(ENTRY_SIZE * i + 4, true),
  })).filter(({ first, count }) => count > 0 && count <= MOST_PAGES_OF_A_RUN && first + count <= nrGfns);
}
