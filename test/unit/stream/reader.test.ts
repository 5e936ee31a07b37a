import { ChannelError } from '../../../src/migrate/io/channel.js';
import {
  ACCEPTED,
  isDisconnect,
  type Limits,
  MAX_PAGES_READ,
  MAX_RECORD,
  pageBatches,
  RecordReader,
  RecordType,
  recordName,
  type StreamErrorCode,
} from '../../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../../support/memory-channel.js';
import {
  END,
  HVM_HEADER,
  hex,
  hvmStream,
  PV_HEADER,
  page,
  rawPages,
  rawRecord,
  STATIC_DATA_END,
  u32,
} from '../../support/streams.js';

/** Reads a stream to its end, as an engine would. */
async function readAll(bytes: Uint8Array, limits: Limits = {}): Promise<RecordReader> {
  const reader = new RecordReader(new MemoryChannel(bytes), limits);
  await reader.readHeader();
  for (;;) {
    const { type } = await reader.next();
    if (type === RecordType.END) return reader;
    if (type !== RecordType.PAGE_DATA) await reader.readBody();
    else {
      const { dataPages } = await reader.readPageHeader();
      await reader.readPages(new Uint8Array(4096 * dataPages));
    }
  }
}

const static_ = concat([HVM_HEADER, STATIC_DATA_END]);
const start = static_.length;
/** A record after the static data, and END. */
const withRecord = (...records: Uint8Array[]): Uint8Array => concat([static_, ...records, END]);
/** The golden header with one byte changed. */
const header = (at: number, value: number): Uint8Array => concat([HVM_HEADER.with(at, value), STATIC_DATA_END, END]);
const pageHeader = (count: number, reserved: number, rest: Uint8Array, length?: number): Uint8Array =>
  withRecord(rawRecord(1, concat([u32(count), u32(reserved), rest]), length));

type Case = [what: string, stream: Uint8Array, code: StreamErrorCode, offset: number];

const BAD_HEADERS: Case[] = [
  ['a zero bit in the marker', header(3, 0xfe), 'BAD_MAGIC', 0],
  ['another id', header(11, 0x47), 'BAD_MAGIC', 8],
  ['version 1', header(15, 1), 'BAD_VERSION', 12],
  ['version 4', header(15, 4), 'BAD_VERSION', 12],
  ['big-endian', header(17, 1), 'BAD_VERSION', 16],
  ['a reserved option', header(17, 2), 'BAD_RESERVED', 16],
  ['a reserved byte of the image header', header(23, 1), 'BAD_RESERVED', 18],
  ['guest type 0', header(24, 0), 'BAD_GUEST_TYPE', 24],
  ['guest type ARM', header(24, 4), 'BAD_GUEST_TYPE', 24],
  ['page shift 13', header(28, 13), 'BAD_VERSION', 28],
  ['a reserved byte of the domain header', header(30, 1), 'BAD_RESERVED', 30],
];

const BAD_RECORDS: Case[] = [
  ['a mandatory record nobody knows', withRecord(rawRecord(0x13)), 'UNKNOWN_RECORD', start],
  ['a mandatory record in our range that we do not know', withRecord(rawRecord(0x5846ffff)), 'UNKNOWN_RECORD', start],
  ['VERIFY', withRecord(rawRecord(0xd)), 'UNSUPPORTED_RECORD', start],
  ['CHECKPOINT', withRecord(rawRecord(0xe)), 'UNSUPPORTED_RECORD', start],
  ['TOOLSTACK', withRecord(rawRecord(0xb)), 'UNSUPPORTED_RECORD', start],
  ['a record over 128 MiB', withRecord(rawRecord(1, undefined, MAX_RECORD + 1)), 'TOO_LARGE', start],
  ['an optional record over 128 MiB', withRecord(rawRecord(0x80000001, undefined, MAX_RECORD + 1)), 'TOO_LARGE', start],
  ['HVM_CONTEXT of 8 MiB and a byte', withRecord(rawRecord(9, undefined, (8 << 20) + 1)), 'TOO_LARGE', start],
  ['HVM_CONTEXT of no byte', withRecord(rawRecord(9)), 'BAD_LENGTH', start],
  ['TSC_INFO a byte short', withRecord(rawRecord(8, new Uint8Array(23))), 'BAD_LENGTH', start],
  ['END with a body', concat([static_, rawRecord(0, new Uint8Array(8))]), 'TOO_LARGE', start],
  ['padding that is not zero', withRecord(concat([u32(9), u32(1), hex('01 00000000000080')])), 'BAD_RESERVED', start],
  [
    'a record of a return channel',
    withRecord(rawRecord(RecordType.DIRTY_BITMAP, new Uint8Array(8))),
    'BAD_ORDER',
    start,
  ],
];

const entry = new Uint8Array(8);
const BAD_PAGES: Case[] = [
  ['no page', pageHeader(0, 0, entry), 'BAD_COUNT', start],
  ['more pages than its bytes hold', pageHeader(2, 0, concat([entry, page(0)]).subarray(0, 15)), 'BAD_LENGTH', start],
  ['4,294,967,295 pages', pageHeader(0xffffffff, 0, entry), 'BAD_COUNT', start],
  [
    'one page over the bound',
    pageHeader(MAX_PAGES_READ + 1, 0, new Uint8Array(8 * (MAX_PAGES_READ + 1))),
    'BAD_COUNT',
    start,
  ],
  ['a reserved field that is set', pageHeader(1, 1, concat([entry, page(0)])), 'BAD_RESERVED', start],
  ['a page of data too few', withRecord(rawPages([0n, 1n], [page(0)])), 'BAD_LENGTH', start],
  ['a page of data too many', withRecord(rawPages([0n, 0xfn << 60n], [page(0), page(1)])), 'BAD_LENGTH', start],
  ['data for XALLOC', withRecord(rawPages([0xen << 60n], [page(0)])), 'BAD_LENGTH', start],
  ['a byte too many', pageHeader(1, 0, concat([entry, page(0), u32(0)])), 'BAD_LENGTH', start],
  ...[5n, 6n, 7n, 8n].map(
    (type): Case => [`page type ${type}`, withRecord(rawPages([0n, type << 60n], [page(0)])), 'BAD_PFN', start + 24],
  ),
  ['a reserved bit of an entry', withRecord(rawPages([1n << 52n], [page(0)])), 'BAD_PFN', start + 16],
  ['a gfn of 2^51', withRecord(rawPages([1n << 51n], [page(0)])), 'BAD_PFN', start + 16],
  ['a gfn that is the limit', withRecord(rawPages([100n], [page(0)])), 'BAD_PFN', start + 16],
];

describe.each<[string, Case[]]>([
  ['headers', BAD_HEADERS],
  ['records', BAD_RECORDS],
  ['pages', BAD_PAGES],
])('bad %s are refused, with where', (_, cases) => {
  test.each(cases)('%s', async (_what, stream, code, offset) => {
    await expect(readAll(stream, { maxGfns: 100 })).rejects.toMatchObject({ name: 'StreamError', code, offset });
  });
});

test('the largest PAGE_DATA that we take is taken', async () => {
  const entries = Array.from({ length: MAX_PAGES_READ }, (_, gfn) => (0xen << 60n) | BigInt(gfn));
  await expect(readAll(withRecord(rawPages(entries)))).resolves.toBeDefined();
});

test('nothing is allocated for a record that is too long for its type, nor for a count that is a lie', async () => {
  const asked: number[] = [];
  const allocate = (bytes: number): Uint8Array => {
    asked.push(bytes);
    return new Uint8Array(bytes);
  };
  for (const stream of [
    withRecord(rawRecord(9, undefined, (8 << 20) + 1)),
    withRecord(rawRecord(0x58460003, undefined, MAX_RECORD)),
    pageHeader(0xffffffff, 0, entry, MAX_RECORD),
    pageHeader(MAX_PAGES_READ, 0, entry),
  ]) {
    await expect(readAll(stream, { allocate, maxGfns: 1 << 20 })).rejects.toMatchObject({ name: 'StreamError' });
  }
  expect(asked).toEqual([0, 0, 0, 0]); // the four bodies of STATIC_DATA_END
});

test.each([1, 7, 8, 4095, 1 << 20])(
  'every cut of a stream is TRUNCATED; delivered %i bytes at a time, it is whole',
  async (piece) => {
    const stream = hvmStream();
    const reader = new RecordReader(new MemoryChannel(stream, [piece]));
    await reader.readHeader();
    for (const cut of [0, 1, 39, 40, 44, 47, 48, 100, 5000, stream.length - 8, stream.length - 1]) {
      await expect(readAll(stream.slice(0, cut))).rejects.toMatchObject({ code: 'TRUNCATED', offset: cut });
    }
    expect((await readAll(stream)).offset).toBe(stream.length);
  },
);

test('not a byte after END is read', async () => {
  const channel = new MemoryChannel(concat([static_, END, hex('6c6962786c')]));
  const reader = new RecordReader(channel);
  await reader.readHeader();
  await reader.next();
  await reader.next();
  expect(channel.bytesRead).toBe(start + 8);
  await expect(reader.next()).rejects.toMatchObject({ code: 'BAD_ORDER' });
  expect(channel.bytesRead).toBe(start + 8);
});

test('an unknown optional record is skipped in pieces of at most 64 KiB, and told of', async () => {
  const skipped: number[] = [];
  const asked: number[] = [];
  const stream = withRecord(rawRecord(0x80000042, new Uint8Array(300_001)));
  await readAll(stream, {
    onSkipped: ({ type, length }) => skipped.push(type, length),
    allocate: (bytes) => new Uint8Array(asked[asked.push(bytes) - 1]),
  });
  expect(skipped).toEqual([0x80000042, 300_001]);
  expect(Math.max(...asked)).toBe(65_536);
});

test('a channel takes only the records of its purpose', async () => {
  const go = new RecordReader(new MemoryChannel(rawRecord(RecordType.GO)), { accepts: ACCEPTED.control.destination });
  expect((await go.next()).type).toBe(RecordType.GO);
  const wrong = new MemoryChannel(rawRecord(RecordType.HVM_CONTEXT, new Uint8Array(64)));
  const reader = new RecordReader(wrong, { accepts: ACCEPTED.control.destination });
  await expect(reader.next()).rejects.toMatchObject({ code: 'BAD_ORDER', offset: 0 });
});

test.each([
  ['control', 'source', ['HELLO', 'SYNC', 'READY', 'VERDICT_REQUEST', 'RUNNING', 'ABORT']],
  ['control', 'destination', ['SYNC', 'GO', 'ABORT']],
  ['push', 'source', ['HELLO', 'MISSING_BITMAP', 'TAKEN', 'DONE']],
  ['push', 'destination', ['PAGE_DATA', 'RECORDED_SET', 'DONE']],
  ['urgent', 'source', ['HELLO', 'REQUEST']],
  ['urgent', 'destination', ['PAGE_DATA']],
] as const)('on %s the %s takes what docs/stream.md says', (purpose, side, names) => {
  expect([...ACCEPTED[purpose][side]].map(recordName)).toEqual(names);
});

test('expect() refuses another type', async () => {
  const reader = new RecordReader(new MemoryChannel(rawRecord(RecordType.READY)));
  await expect(reader.expect(RecordType.GO)).rejects.toThrow(/READY stands where GO must, at byte 0: /);
});

test('a body that was not read, was read twice, or has too few pages left, is the caller’s mistake', async () => {
  const reader = new RecordReader(new MemoryChannel(hvmStream()));
  await reader.readHeader();
  await reader.next();
  await expect(reader.next()).rejects.toThrow('24 bytes of X86_CPUID_POLICY have not been read');
  await reader.readBody();
  await expect(reader.readBody()).rejects.toThrow('read already');
  await expect(reader.readPages(page(0))).rejects.toThrow(RangeError);
});

/** A transport that fills several buffers at once. */
class VectorChannel extends MemoryChannel {
  readonly vectors: number[] = [];

  async readv(into: readonly Uint8Array[]): Promise<void> {
    this.vectors.push(into.length);
    let received = 0;
    for (const buffer of into) {
      await this.read(buffer).catch((error: ChannelError) => {
        throw new ChannelError(error.code, error.message, received + error.received);
      });
      received += buffer.length;
    }
  }
}

describe('pages into several places', () => {
  const stream = withRecord(rawPages([1n, 2n, 3n], [page(1), page(2), page(3)]));
  const read = async (channel: MemoryChannel, ...into: Uint8Array[]): Promise<RecordReader> => {
    const reader = new RecordReader(channel);
    await reader.readHeader();
    await reader.expect(RecordType.STATIC_DATA_END);
    await reader.readBody();
    await reader.expect(RecordType.PAGE_DATA);
    await reader.readPageHeader();
    await reader.readPages(...into);
    return reader;
  };

  test.each([VectorChannel, MemoryChannel])('%p', async (Kind) => {
    const channel = new Kind(stream);
    const [first, rest] = [new Uint8Array(4096), new Uint8Array(8192)];
    const reader = await read(channel, first, rest);
    expect(concat([first, rest])).toEqual(concat([page(1), page(2), page(3)]));
    await reader.expect(RecordType.END);
    expect(reader.offset).toBe(stream.length);
    if (channel instanceof VectorChannel) expect(channel.vectors).toEqual([2]);
  });

  test('no more than the record has', async () => {
    const tooMany = read(new VectorChannel(stream), new Uint8Array(8192), new Uint8Array(8192));
    await expect(tooMany).rejects.toThrow('16384 bytes of pages asked for, 12288 are left');
  });

  test('a stream that ends among them says where', async () => {
    const cut = stream.length - END.length - 1000;
    const reading = read(new VectorChannel(stream.subarray(0, cut)), new Uint8Array(8192), new Uint8Array(4096));
    await expect(reading).rejects.toMatchObject({ code: 'TRUNCATED', offset: cut });
  });
});

test('a lost connection is told from a bad stream', async () => {
  const channel = new MemoryChannel(hvmStream());
  channel.destroy();
  const broken = await new RecordReader(channel).readHeader().catch((error: unknown) => error);
  expect(broken).toBeInstanceOf(ChannelError);
  expect(isDisconnect(broken)).toBe(true);
  expect(isDisconnect(await readAll(HVM_HEADER).catch((error: unknown) => error))).toBe(true);
  expect(isDisconnect(await readAll(header(0, 0)).catch((error: unknown) => error))).toBe(false);
});

test('a PV stream of version 2 has no static data and is read', async () => {
  const stream = concat([PV_HEADER.with(15, 2), rawPages([7n], [page(7)]), END]);
  expect((await readAll(stream)).offset).toBe(stream.length);
});

test('a record of many pages is cut into batches, each with its count of data', () => {
  const types = Uint8Array.of(0, 0xe, 9, 0xf, 4);
  const gfns = Uint32Array.of(10, 11, 12, 13, 14);
  const record = { gfns, types, dataPages: 3 };
  expect([...pageBatches(record)]).toEqual([record]);
  expect([...pageBatches(record, 2)]).toEqual([
    { gfns: Uint32Array.of(10, 11), types: Uint8Array.of(0, 0xe), dataPages: 1 },
    { gfns: Uint32Array.of(12, 13), types: Uint8Array.of(9, 0xf), dataPages: 1 },
    { gfns: Uint32Array.of(14), types: Uint8Array.of(4), dataPages: 1 },
  ]);
});
