/**
 * Pages that come by the stream after some have been taken out ahead: a gfn of theirs may be out, for instance because
 * the guest has made a page table of it since. Such a page is loaded rather than written. There are few, since the guest is
 * stopped and waits: plain loops will do.
 */
import { type Domain, Errno, MAX_BATCH, PAGE_SIZE, PageType } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { type PageBatch, pageBatches, type RecordReader } from '../stream/index.js';
import type { MissingPages } from './missing-pages.js';

const DATALESS: number = PageType.BROKEN;

export class LateLoader {
  private readonly staging = new Uint8Array(MAX_BATCH * PAGE_SIZE);

  constructor(
    private readonly domain: Domain,
    private readonly missing: MissingPages,
  ) {}

  async load(reader: RecordReader, record: PageBatch): Promise<void> {
    for (const batch of pageBatches(record)) await this.loadBatch(reader, batch);
  }

  private async loadBatch(reader: RecordReader, { gfns, types, dataPages }: PageBatch): Promise<void> {
    const data = this.staging.subarray(0, dataPages * PAGE_SIZE);
    if (dataPages > 0) await reader.readPages(data);
    await this.domain.memory.populate(gfns, types);
    await this.loadData(
      gfns.filter((_, i) => types[i] < DATALESS),
      data,
    );
    for (let i = 0; i < gfns.length; i++) {
      if (types[i] >= DATALESS) await this.loadDataless(gfns[i], types[i]);
    }
  }

  private async loadData(gfns: Uint32Array, data: Uint8Array): Promise<void> {
    if (gfns.length === 0) return;
    const errors = await this.missing.load(gfns, data);
    const there = gfns.filter((_, i) => errors[i] === Errno.ENOENT);
    if (there.length === 0) return;
    using mapping = await this.domain.memory.map(there, 'write');
    if (mapping.failed > 0) throw new Error(`${mapping.failed} pages can neither be loaded nor written`);
    const pages = new Uint8Array(there.length * PAGE_SIZE);
    const slots = Uint32Array.from(gfns.keys()).filter((i) => errors[i] === Errno.ENOENT);
    pageOps.gather(data, slots, pages);
    pageOps.scatter(pages, mapping.base, mapping.slots);
    this.missing.settle(there);
  }

  /** By now a page of zeroes, or none at all; it may have been taken out. */
  private async loadDataless(gfn: number, type: number): Promise<void> {
    const page = Uint32Array.of(gfn);
    // What is out must come in before it can be taken away, too.
    if (this.missing.has(gfn)) await this.missing.load(page, new Uint8Array(PAGE_SIZE));
    if (type === PageType.XALLOC) return;
    this.missing.settle(page);
    await this.domain.memory.depopulate(page);
  }
}
