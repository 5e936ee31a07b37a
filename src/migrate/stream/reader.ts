import { PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { type Channel, ChannelError } from '../io/channel.js';
import { boundsOf, UNSUPPORTED } from './bounds.js';
import { StreamError } from './errors.js';
import {
  isOptional,
  MAX_GFNS,
  MAX_PAGES_READ,
  MAX_RECORD,
  padded,
  RECORD_HEADER_SIZE,
  RecordType,
  recordName,
} from './format.js';
import { decodeHeader, HEADER_SIZE, type StreamHeader } from './header.js';
import { StreamOrder } from './order.js';
import type { PageBatch } from './pages.js';

const SKIP_CHUNK = 64 << 10;
const PAGE_HEADER_SIZE = 8;

/** What a reader takes from its peer, whom it does not trust. */
export interface Limits {
  /** Gfns of the largest domain: bounds bitmaps and the gfns of PAGE_DATA. Default {@link MAX_GFNS}. */
  readonly maxGfns?: number;
  /** The only types taken. Left out: those that the order of a stream allows. */
  readonly accepts?: ReadonlySet<number>;
  /** Told of each optional record that was skipped. */
  readonly onSkipped?: (record: RecordHeader) => void;
  /** Where buffers come from; aligned to 4 bytes. */
  readonly allocate?: (bytes: number) => Uint8Array;
}

export interface RecordHeader {
  readonly type: number;
  /** Of the body, in bytes, without its padding. */
  readonly length: number;
  /** Of the record, in bytes from the beginning of the channel. */
  readonly offset: number;
}

/** Whether an error means that the connection has gone, rather than that the peer sent something wrong. */
export function isDisconnect(error: unknown): boolean {
  return error instanceof ChannelError || (error instanceof StreamError && error.code === 'TRUNCATED');
}

/**
 * Reads records from a channel: next(), then the body by readBody(), or by readPageHeader() and readPages(). One call at a
 * time. Reads exactly the bytes it needs, and none after END, since on libxl's descriptor another stream goes on there.
 *
 * All calls reject with a {@link StreamError}, after which the reader is of no more use; or a ChannelError BROKEN.
 */
export class RecordReader {
  private position = 0;
  /** Of the current body and its padding, not read yet. */
  private left = 0;
  private current: RecordHeader = { type: RecordType.END, length: 0, offset: 0 };
  private order?: StreamOrder;
  private ended = false;
  private readonly recordHeader = new Uint8Array(RECORD_HEADER_SIZE);
  private readonly maxGfns: number;

  constructor(
    private readonly channel: Channel,
    private readonly limits: Limits = {},
  ) {
    this.maxGfns = limits.maxGfns ?? MAX_GFNS;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.position;
  }

  /** The stream's headers. From here on the order of records is held to be that of a stream. */
  async readHeader(): Promise<StreamHeader> {
    const bytes = new Uint8Array(HEADER_SIZE);
    await this.read(bytes);
    const header = decodeHeader(bytes);
    this.order = new StreamOrder(header.guestType, header.version);
    return header;
  }

  /** The next record; optional ones that are not known have been skipped. Its body must be read before the next call. */
  async next(): Promise<RecordHeader> {
    if (this.left > 0) throw new Error(`${this.left} bytes of ${recordName(this.current.type)} have not been read`);
    for (;;) {
      const record = await this.readRecordHeader();
      if (this.isKnown(record)) return record;
      await this.skipBody();
      this.limits.onSkipped?.(record);
    }
  }

  /** As next(), and of this type. */
  async expect(type: number): Promise<RecordHeader> {
    const record = await this.next();
    if (record.type === type) return record;
    throw this.error('BAD_ORDER', `${recordName(record.type)} stands where ${recordName(type)} must`);
  }

  /** The whole body, its length within the bounds of its type. Not for PAGE_DATA. */
  async readBody(): Promise<Uint8Array> {
    const { type, length } = this.current;
    if (type === RecordType.PAGE_DATA) throw new Error('PAGE_DATA is read by readPageHeader and readPages');
    if (this.left !== padded(length)) throw new Error(`The body of ${recordName(type)} has been read already`);
    const bytes = this.allocate(this.left);
    const padding = bytes.subarray(length);
    await this.readFromBody(bytes);
    if (padding.some((byte) => byte !== 0)) throw this.error('BAD_RESERVED', 'The padding of a record is not zero');
    return bytes.subarray(0, length);
  }

  /**
   * The entries of a PAGE_DATA record, all of them below `limit` gfns; the record's length agrees with them. The contents are
   * then read with readPages().
   */
  async readPageHeader(limit: number = this.maxGfns): Promise<PageBatch> {
    const count = await this.readPageCount();
    const entries = this.allocate(8 * count);
    const entriesAt = this.position;
    await this.readFromBody(entries);
    const gfnBytes = this.allocate(4 * count);
    const gfns = new Uint32Array(gfnBytes.buffer, gfnBytes.byteOffset, count);
    const types = this.allocate(count);
    const dataPages = pageOps.decodePfns(entries, limit, gfns, types);
    if (dataPages < 0) throw badEntry(entries, -1 - dataPages, entriesAt, limit);
    if (this.left !== dataPages * PAGE_SIZE) {
      const expected = PAGE_HEADER_SIZE + 8 * count + PAGE_SIZE * dataPages;
      throw this.error('BAD_LENGTH', `PAGE_DATA has ${this.current.length} bytes where its entries make ${expected}`);
    }
    return { gfns, types, dataPages };
  }

  /** Contents of the next pages of the record, as many as fit `into` exactly; straight from the channel. */
  async readPages(...into: readonly Uint8Array[]): Promise<void> {
    const bytes = into.reduce((sum, { length }) => sum + length, 0);
    if (this.current.type !== RecordType.PAGE_DATA || bytes > this.left) {
      throw new RangeError(`${bytes} bytes of pages asked for, ${this.left} are left in the record`);
    }
    if (into.length > 1 && this.channel.readv) {
      await this.taking(bytes, this.channel.readv(into));
      this.left -= bytes;
    } else {
      for (const buffer of into) await this.readFromBody(buffer);
    }
  }

  /** Leaves out what has not been read of the body. */
  async skipBody(): Promise<void> {
    if (this.left === 0) return;
    const chunk = this.allocate(Math.min(this.left, SKIP_CHUNK));
    while (this.left > 0) await this.readFromBody(chunk.subarray(0, Math.min(this.left, chunk.length)));
  }

  private async readRecordHeader(): Promise<RecordHeader> {
    const offset = this.position;
    if (this.ended) throw new StreamError('BAD_ORDER', 'A record was asked for after END', offset);
    await this.read(this.recordHeader);
    const view = new DataView(this.recordHeader.buffer);
    this.current = { type: view.getUint32(0, true), length: view.getUint32(4, true), offset };
    return this.current;
  }

  /** Whether the caller gets the record (true) or it is to be skipped. Everything wrong with its header is thrown. */
  private isKnown({ type, length, offset }: RecordHeader): boolean {
    const name = recordName(type);
    if (length > MAX_RECORD) throw this.error('TOO_LARGE', `${name} has ${length} bytes, more than any record may`);
    this.left = padded(length);
    if (UNSUPPORTED.has(type)) throw this.error('UNSUPPORTED_RECORD', `There is a record ${name}`);
    const bounds = boundsOf(type, this.maxGfns);
    if (!bounds && isOptional(type)) return false;
    if (!bounds) throw this.error('UNKNOWN_RECORD', `There is a record of type ${name}`);
    if (length > bounds.max) throw this.error('TOO_LARGE', `${name} has ${length} bytes, more than ${bounds.max}`);
    if (length < bounds.min) throw this.error('BAD_LENGTH', `${name} has ${length} bytes, fewer than ${bounds.min}`);
    if (this.limits.accepts?.has(type) === false) throw this.error('BAD_ORDER', `${name} is not expected here`);
    this.order?.accept(type, offset);
    this.ended = type === RecordType.END;
    return true;
  }

  private async readPageCount(): Promise<number> {
    if (this.current.type !== RecordType.PAGE_DATA) throw new Error(`${recordName(this.current.type)} has no pages`);
    const head = new Uint8Array(PAGE_HEADER_SIZE);
    await this.readFromBody(head);
    const view = new DataView(head.buffer);
    const count = view.getUint32(0, true);
    if (count < 1 || count > MAX_PAGES_READ) {
      throw this.error('BAD_COUNT', `PAGE_DATA names ${count} pages (1 to ${MAX_PAGES_READ} are taken)`);
    }
    if (view.getUint32(4, true) !== 0) throw this.error('BAD_RESERVED', 'The reserved field of PAGE_DATA is not zero');
    if (8 * count > this.left) {
      throw this.error('BAD_LENGTH', `PAGE_DATA of ${this.current.length} bytes names ${count} pages`);
    }
    return count;
  }

  private async readFromBody(into: Uint8Array): Promise<void> {
    await this.read(into);
    this.left -= into.length;
  }

  private async read(into: Uint8Array): Promise<void> {
    if (into.length > 0) await this.taking(into.length, this.channel.read(into));
  }

  /** So many bytes come by `read`. */
  private async taking(bytes: number, read: Promise<void>): Promise<void> {
    try {
      await read;
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== 'ENDED') throw error;
      const at = this.position + error.received;
      throw new StreamError('TRUNCATED', `The stream ends, ${bytes - error.received} bytes short`, at, error);
    }
    this.position += bytes;
  }

  private allocate(bytes: number): Uint8Array {
    return this.limits.allocate?.(bytes) ?? new Uint8Array(bytes);
  }

  private error(code: StreamError['code'], found: string): StreamError {
    return new StreamError(code, found, this.current.offset);
  }
}

function badEntry(entries: Uint8Array, index: number, entriesAt: number, limit: number): StreamError {
  const entry = new DataView(entries.buffer, entries.byteOffset).getBigUint64(8 * index, true).toString(16);
  const found = `Page entry ${index} is 0x${entry.padStart(16, '0')} in a domain of ${limit} gfns`;
  return new StreamError('BAD_PFN', found, entriesAt + 8 * index);
}
