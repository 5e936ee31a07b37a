/** From PAGE_DATA records into the memory of a domain that does not run yet. */
import { type ForeignMemory, MAX_BATCH, type Mapping, PAGE_SIZE, PageType } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { runsOf } from '../page-runs.js';
import type { PageBatch, RecordReader } from '../stream/index.js';
import { pageBatches } from '../stream/index.js';

/** A batch of more runs than this is read in one piece and scattered: a vector of 4 KiB pieces costs more than the copy. */
const MAX_RUNS = 64;

export class PageLoader {
  private staging: Uint8Array | undefined;
  private readonly runs = new Uint32Array(2 * MAX_RUNS);

  constructor(private readonly memory: ForeignMemory) {}

  /** Takes the record whose header `reader` has just read; its contents go straight into guest memory. */
  async load(reader: RecordReader, record: PageBatch): Promise<void> {
    for (const batch of pageBatches(record)) await this.loadBatch(reader, batch);
  }

  private async loadBatch(reader: RecordReader, { gfns, types, dataPages }: PageBatch): Promise<void> {
    await this.memory.populate(gfns, types);
    // A page that the destination has and the source has no more.
    if (types.includes(PageType.XTAB)) await this.memory.depopulate(gfns.filter((_, i) => types[i] === PageType.XTAB));
    if (dataPages === 0) return;
    using mapping = await this.memory.map(gfns, 'write');
    const slots = mapping.slots.slice();
    const unmapped = pageOps.dropDataless(types, slots);
    if (unmapped > 0) throw unwritable(gfns, types, mapping);

    const count = pageOps.runs(slots, this.runs);
    if (count >= 0) return await reader.readPages(...runsOf(mapping.base, this.runs, count));
    this.staging ??= new Uint8Array(MAX_BATCH * PAGE_SIZE);
    const pages = this.staging.subarray(0, dataPages * PAGE_SIZE);
    await reader.readPages(pages);
    pageOps.scatter(pages, mapping.base, slots);
  }
}

function unwritable(gfns: Uint32Array, types: Uint8Array, { errors, failed }: Mapping): Error {
  const first = errors.findIndex((errno, i) => errno !== 0 && types[i] < PageType.BROKEN);
  const which = `gfn 0x${gfns[first].toString(16)} (errno ${errors[first]})`;
  return new Error(`${failed} of ${gfns.length} pages cannot be mapped for writing, the first is ${which}`);
}
