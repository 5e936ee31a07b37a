import { type GuestType, type HypervisorVersion, PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import type { Channel } from '../io/channel.js';
import { boundsOf } from './bounds.js';
import { StreamError, type StreamErrorCode } from './errors.js';
import { MAX_GFNS, MAX_PAGES_WRITTEN, padded, RECORD_HEADER_SIZE, RecordType, recordName } from './format.js';
import { encodeHeader } from './header.js';
import { StreamOrder } from './order.js';

const PAGE_HEADER_SIZE = 8;
const HEAD_SIZE = RECORD_HEADER_SIZE + PAGE_HEADER_SIZE + 8 * MAX_PAGES_WRITTEN;
/** Head buffers kept for the next record; more exist only while more writes are under way. */
const HEADS_KEPT = 4;
const PADDING = new Uint8Array(8);

/**
 * Writes records to a channel. Every call checks and queues its record before it returns, so that calls need not be awaited
 * for their order to be kept; each promise resolves when the transport has taken the bytes (back-pressure), and until then
 * the caller's chunks must not change. Page data is never copied.
 *
 * Rejects with a StreamError for a record that no reader would take, and then nothing of it has been written; with a
 * ChannelError when the channel fails.
 */
export class RecordWriter {
  private order?: StreamOrder;
  private readonly heads: Uint8Array[] = [];
  private readonly scratchGfns = new Uint32Array(MAX_PAGES_WRITTEN);
  private readonly scratchTypes = new Uint8Array(MAX_PAGES_WRITTEN);

  /** What the channel had carried before us: a stream may stand behind something else. */
  private readonly start: number;

  constructor(private readonly channel: Channel) {
    this.start = channel.bytesWritten;
  }

  /** Bytes written by this writer, whether taken yet or not. */
  get bytesWritten(): number {
    return this.channel.bytesWritten - this.start;
  }

  /** The stream's headers. From here on the order of records is held to be that of a stream. */
  async header(guestType: GuestType, xen: HypervisorVersion): Promise<void> {
    this.order = new StreamOrder(guestType);
    await this.channel.write([encodeHeader(guestType, xen)]);
  }

  /** Any record but PAGE_DATA; the body is all chunks, in order. Padding is added. */
  async record(type: number, body: Uint8Array | readonly Uint8Array[] = []): Promise<void> {
    const chunks = body instanceof Uint8Array ? [body] : body;
    const length = totalBytes(chunks);
    this.check(type, length);
    const head = new Uint8Array(RECORD_HEADER_SIZE);
    writeRecordHeader(head, type, length);
    const padding = PADDING.subarray(0, padded(length) - length);
    await this.channel.write([head, ...chunks, padding].filter((chunk) => chunk.length > 0));
  }

  /**
   * A PAGE_DATA record. `data` holds, in order and in any pieces, the contents of exactly those pages whose type carries data.
   * gfns and types may be changed as soon as this returns, data when it resolves.
   */
  async pageData(gfns: Uint32Array, types: Uint8Array, data: readonly Uint8Array[]): Promise<void> {
    const count = gfns.length;
    if (count < 1 || count > MAX_PAGES_WRITTEN || types.length !== count) {
      throw this.error('BAD_COUNT', `PAGE_DATA of ${count} gfns and ${types.length} types (1 to ${MAX_PAGES_WRITTEN})`);
    }
    const pool = this.heads.pop() ?? new Uint8Array(HEAD_SIZE);
    const head = pool.subarray(0, RECORD_HEADER_SIZE + PAGE_HEADER_SIZE + 8 * count);
    const dataPages = this.encodeEntries(gfns, types, head.subarray(RECORD_HEADER_SIZE + PAGE_HEADER_SIZE));
    const bytes = totalBytes(data);
    if (bytes !== dataPages * PAGE_SIZE) {
      throw this.error('BAD_LENGTH', `${dataPages} pages carry data, and ${bytes} bytes of it were given`);
    }
    this.order?.accept(RecordType.PAGE_DATA, this.bytesWritten);
    writeRecordHeader(head, RecordType.PAGE_DATA, head.length - RECORD_HEADER_SIZE + bytes);
    writePageHeader(head, count);
    await this.channel.write([head, ...data]);
    // Only now: the transport may still be reading it before, and after a failure nobody knows.
    if (this.heads.length < HEADS_KEPT) this.heads.push(pool);
  }

  /** The END record. The channel stays open: what follows a stream is not ours. */
  end(): Promise<void> {
    return this.record(RecordType.END);
  }

  /** Encodes, then decodes as our reader would: what we write can be read. Returns how many carry data. */
  private encodeEntries(gfns: Uint32Array, types: Uint8Array, entries: Uint8Array): number {
    const count = gfns.length;
    pageOps.encodePfns(gfns, types, entries);
    const gfnsOut = this.scratchGfns.subarray(0, count);
    const dataPages = pageOps.decodePfns(entries, MAX_GFNS, gfnsOut, this.scratchTypes.subarray(0, count));
    if (dataPages >= 0) return dataPages;
    const bad = -1 - dataPages;
    throw this.error('BAD_PFN', `Page ${bad} of PAGE_DATA is gfn ${gfns[bad]} with type ${types[bad]}`);
  }

  private check(type: number, length: number): void {
    const bounds = boundsOf(type, MAX_GFNS);
    const name = recordName(type);
    if (!bounds || type === RecordType.PAGE_DATA) throw this.error('UNKNOWN_RECORD', `${name} cannot be written so`);
    if (length > bounds.max) throw this.error('TOO_LARGE', `${name} of ${length} bytes, more than ${bounds.max}`);
    if (length < bounds.min) throw this.error('BAD_LENGTH', `${name} of ${length} bytes, fewer than ${bounds.min}`);
    this.order?.accept(type, this.bytesWritten);
  }

  private error(code: StreamErrorCode, found: string): StreamError {
    return new StreamError(code, found, this.bytesWritten);
  }
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function writeRecordHeader(head: Uint8Array, type: number, length: number): void {
  const view = new DataView(head.buffer, head.byteOffset);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
}

function writePageHeader(head: Uint8Array, count: number): void {
  const view = new DataView(head.buffer, head.byteOffset + RECORD_HEADER_SIZE);
  view.setUint32(0, count, true);
  view.setUint32(4, 0, true);
}
