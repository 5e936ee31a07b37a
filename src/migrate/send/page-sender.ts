/**
 * From gfns to PAGE_DATA records. Nothing here loops over pages but the rare repair of a batch with holes in it: the page
 * operations are native, and page data goes from the mapping to the transport without a copy wherever the batch is made of a
 * few runs.
 */
import {
  type ForeignMemory,
  MAX_BATCH,
  type Mapping,
  NOT_MAPPED,
  PAGE_SIZE,
  PageType,
} from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import type { Patience } from '../io/patience.js';
import { runsOf } from '../page-runs.js';
import type { PageReason, Recorder } from '../recorder.js';
import type { RecordWriter } from '../stream/index.js';
import { BufferPool } from './buffer-pool.js';
import { LinkRate } from './link-rate.js';

/** More pieces than this in one write cost more than copying them together (writev with 4 KiB pieces). */
const MAX_RUNS = 64;
/** Batches on their way at once: one in the socket, one being prepared, one mapped ahead. */
const MAX_IN_FLIGHT = 3;

/** Where pages are read. */
export type PageSource = Pick<ForeignMemory, 'types' | 'map'>;

export interface SentBatch {
  readonly sent: number;
  readonly elided: number;
  /** Pages that should carry data and could not be mapped; to be sent again later. */
  readonly deferred: Uint32Array;
}

const NONE = new Uint32Array(0);

/** Pages on their way to the stream, item by item. */
interface Batch {
  readonly gfns: Uint32Array;
  readonly types: Uint8Array;
  /** A copy: the mapping's own slots stay as the backend gave them. */
  readonly slots: Uint32Array;
}

export interface PageSenderParts {
  readonly memory: PageSource;
  readonly writer: RecordWriter;
  /** Waits until the link has room for so many bytes. */
  readonly pace: (bytes: number, signal?: AbortSignal) => Promise<void> | void;
  readonly recorder: Recorder;
  /** With the transport. */
  readonly patience: Pick<Patience, 'for'>;
  readonly nrGfns: number;
  readonly elideZeroPages: boolean;
  /** Buffers for scattered pages, shared by all senders of a migration. */
  readonly pool?: BufferPool;
}

export class PageSender {
  /** Gfns whose contents the destination has seen: such a page must travel even when it is zero now. */
  private readonly sentData: Uint8Array;
  /** Gfns that the destination was last told to have a page, with data or without. */
  readonly present: Uint8Array;
  private readonly inFlight = new Set<Promise<void>>();
  private readonly pool: BufferPool;
  private readonly runs = new Uint32Array(2 * MAX_RUNS);
  private readonly scratch = new Uint32Array(MAX_BATCH);
  private failure: unknown;
  batchesTaken = 0;
  private readonly link = new LinkRate();

  constructor(private readonly parts: PageSenderParts) {
    this.sentData = new Uint8Array(Math.ceil(parts.nrGfns / 8));
    this.present = new Uint8Array(this.sentData.length);
    this.pool = parts.pool ?? new BufferPool(MAX_BATCH * PAGE_SIZE, MAX_IN_FLIGHT);
  }

  /** Sends one batch (at most MAX_BATCH). Resolves when there is room for the next, not when the bytes have gone. */
  async send(gfns: Uint32Array, why: PageReason, signal?: AbortSignal): Promise<SentBatch> {
    const { memory } = this.parts;
    await this.waitForRoom(MAX_IN_FLIGHT - 1);
    const types = await memory.types(gfns);
    const mapping = await memory.map(gfns, 'read');
    try {
      return await this.sendMapped(gfns, types, mapping, why, signal);
    } catch (error) {
      mapping.unmap();
      throw error;
    }
  }

  /** How fast the transport takes pages that carry data; Infinity until it has taken some. */
  pagesTakenPerSecond(): number {
    return this.link.pagesPerSecond(this.parts.recorder.clock.now());
  }

  /** Resolves when everything sent so far has been taken by the transport, and nothing is mapped any more. */
  flush(): Promise<void> {
    return this.waitForRoom(0);
  }

  /** Waits for writes under way to end, well or not, so that every mapping is gone. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.inFlight);
  }

  private async sendMapped(
    gfns: Uint32Array,
    types: Uint8Array,
    mapping: Mapping,
    why: PageReason,
    signal?: AbortSignal,
  ): Promise<SentBatch> {
    let batch: Batch = { gfns, types, slots: mapping.slots.slice() };
    let deferred: Uint32Array = NONE;
    if (pageOps.dropDataless(types, batch.slots) > 0) [batch, deferred] = splitUnmapped(batch);
    if (batch.gfns.length === 0) {
      mapping.unmap();
      return { sent: 0, elided: 0, deferred };
    }
    let dataPages = this.recordPresence(batch);
    if (this.parts.elideZeroPages) dataPages -= this.elide(mapping, batch);
    await this.parts.pace(wireBytes(batch.gfns.length, dataPages), signal);
    const [chunks, release] = await this.chunks(mapping, batch.slots);
    this.track(this.parts.writer.pageData(batch.gfns, batch.types, chunks), dataPages, release);
    const sent = this.account(batch, why);
    return { sent, elided: batch.gfns.length - sent, deferred };
  }

  /** The pages as I/O vectors, and what to do once they have gone. */
  private async chunks(mapping: Mapping, slots: Uint32Array): Promise<[Uint8Array[], () => void]> {
    const count = pageOps.runs(slots, this.runs);
    if (count >= 0) return [runsOf(mapping.base, this.runs, count), () => mapping.unmap()];
    const buffer = await this.pool.take();
    const pages = pageOps.gather(mapping.base, slots, buffer);
    mapping.unmap();
    return [[buffer.subarray(0, pages * PAGE_SIZE)], () => this.pool.give(buffer)];
  }

  /** Returns how many of the batch have a page. */
  private recordPresence({ gfns, slots }: Batch): number {
    const count = pageOps.present(gfns, slots, this.scratch);
    pageOps.bitmapClear(this.present, gfns);
    pageOps.bitmapSet(this.present, this.scratch.subarray(0, count));
    return count;
  }

  private elide({ base }: Mapping, { gfns, types, slots }: Batch): number {
    return pageOps.elideZeroPages(base, gfns, this.sentData, types, slots);
  }

  private account({ gfns, slots }: Batch, why: PageReason): number {
    const { recorder } = this.parts;
    const count = pageOps.present(gfns, slots, this.scratch);
    const sent = this.scratch.subarray(0, count);
    pageOps.bitmapSet(this.sentData, sent);
    recorder.pages(sent, why);
    recorder.elidedPages += gfns.length - count;
    recorder.bytesSent += wireBytes(gfns.length, count);
    return count;
  }

  private track(write: Promise<void>, pages: number, release: () => void): void {
    const { clock } = this.parts.recorder;
    this.link.begin(pages, clock.now());
    const done = write
      .then(() => {
        this.link.end(pages, clock.now());
        this.batchesTaken++;
      })
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => {
        release();
        this.inFlight.delete(done);
      });
    this.inFlight.add(done);
  }

  private async waitForRoom(most: number): Promise<void> {
    while (this.inFlight.size > most) await this.parts.patience.for(Promise.race(this.inFlight));
    if (this.failure !== undefined) throw this.failure;
  }
}

/** Length of a PAGE_DATA record. */
function wireBytes(pages: number, dataPages: number): number {
  return 16 + 8 * pages + PAGE_SIZE * dataPages;
}

/** Takes the pages out that should carry data and have no slot: rare, so a plain loop will do. */
function splitUnmapped({ gfns, types, slots }: Batch): [Batch, Uint32Array] {
  const mapped = (_: number, i: number): boolean => slots[i] !== NOT_MAPPED || types[i] >= PageType.BROKEN;
  const unmapped = (_: number, i: number): boolean => !mapped(_, i);
  return [
    { gfns: gfns.filter(mapped), types: types.filter(mapped), slots: slots.filter(mapped) },
    gfns.filter(unmapped),
  ];
}
