import { MAX_BATCH } from '../../backends/backend.js';
import { carriesData } from './format.js';

/** What a PAGE_DATA record, or a part of one, says of its pages. Their contents follow in this order. */
export interface PageBatch {
  readonly gfns: Uint32Array;
  /** PageType of each. */
  readonly types: Uint8Array;
  /** How many of them carry data. */
  readonly dataPages: number;
}

/**
 * Cuts a record into batches that the contract takes. Every writer we know sends records of one batch, which comes back
 * as it is; the loop over pages is for those that the format allows and nobody has met.
 */
export function* pageBatches(record: PageBatch, most: number = MAX_BATCH): Generator<PageBatch> {
  if (record.gfns.length <= most) {
    yield record;
    return;
  }
  for (let start = 0; start < record.gfns.length; start += most) {
    const types = record.types.subarray(start, start + most);
    yield { gfns: record.gfns.subarray(start, start + most), types, dataPages: types.filter(carriesData).length };
  }
}
