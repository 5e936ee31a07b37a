import type { Channel } from '../io/channel.js';
import { StreamError, type StreamErrorCode } from './errors.js';
import { RecordType, recordName } from './format.js';
import type { StreamHeader } from './header.js';
import { type Limits, type RecordHeader, RecordReader } from './reader.js';

const PINNED = ['L1TAB', 'L2TAB', 'L3TAB', 'L4TAB'].map((name) => `${name}_PIN`);
/** By PageType; 5 to 8 do not exist, and no reader lets them through. */
const PAGE_TYPE_NAMES = [
  'NOTAB',
  'L1TAB',
  'L2TAB',
  'L3TAB',
  'L4TAB',
  '5',
  '6',
  '7',
  '8',
  ...PINNED,
  'BROKEN',
  'XALLOC',
  'XTAB',
];

export interface RecordSummary {
  count: number;
  /** Of bodies, without headers and padding. */
  bytes: number;
}

/** What is in a stream. Rounds cannot be told apart in it: a page that comes again is a page that was dirty. */
export interface Analysis {
  readonly header?: StreamHeader;
  /** By record name, in order of first appearance. */
  readonly records: Readonly<Record<string, RecordSummary>>;
  /** By name of page type: entries of PAGE_DATA. */
  readonly pages: Readonly<Record<string, number>>;
  /** Pages that carry their contents. */
  readonly dataPages: number;
  /** Read, whether good or not. */
  readonly bytes: number;
  /** END was reached. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly error?: { readonly code: StreamErrorCode; readonly message: string; readonly offset: number };
}

/**
 * Reads a stream to its END and says what it holds; its memory does not grow with the stream. A bad stream is not thrown but
 * told in `error`, with the summary of what came before. Rejects with a ChannelError if it cannot be read.
 */
export async function analyse(channel: Channel, limits: Pick<Limits, 'maxGfns' | 'allocate'> = {}): Promise<Analysis> {
  const tally = new Tally();
  const reader = new RecordReader(channel, { ...limits, onSkipped: (record) => tally.record(record) });
  let header: StreamHeader | undefined;
  let error: StreamError | undefined;
  try {
    header = await reader.readHeader();
    await tally.read(reader);
  } catch (caught) {
    if (!(caught instanceof StreamError)) throw caught;
    error = caught;
  }
  return {
    header,
    ...tally.result(),
    bytes: reader.offset,
    complete: error === undefined,
    error: error && { code: error.code, message: error.message, offset: error.offset },
  };
}

class Tally {
  private readonly records: Record<string, RecordSummary> = {};
  private readonly pages = new Array<number>(16).fill(0);
  private dataPages = 0;

  async read(reader: RecordReader): Promise<void> {
    for (;;) {
      const record = await reader.next();
      this.record(record);
      if (record.type === RecordType.END) return;
      if (record.type === RecordType.PAGE_DATA) await this.readPages(reader);
      else await reader.readBody();
    }
  }

  record({ type, length }: RecordHeader): void {
    const name = recordName(type);
    this.records[name] ??= { count: 0, bytes: 0 };
    const summary = this.records[name];
    summary.count++;
    summary.bytes += length;
  }

  result(): Pick<Analysis, 'records' | 'pages' | 'dataPages'> {
    const named = this.pages.map((count, type) => [PAGE_TYPE_NAMES[type], count] as const);
    return {
      records: this.records,
      pages: Object.fromEntries(named.filter(([, n]) => n > 0)),
      dataPages: this.dataPages,
    };
  }

  private async readPages(reader: RecordReader): Promise<void> {
    const { types, dataPages } = await reader.readPageHeader();
    for (const type of types) this.pages[type]++;
    this.dataPages += dataPages;
    await reader.skipBody();
  }
}
