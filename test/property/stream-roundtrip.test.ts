import fc from 'fast-check';
import {
  decodeBitmap,
  decodeReason,
  decodeRequests,
  encodeBitmap,
  encodeReason,
  encodeRequests,
  MAX_GFNS,
  RecordReader,
  RecordType,
  RecordWriter,
} from '../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../support/memory-channel.js';
import { XEN_4_17 } from '../support/streams.js';

const DATA_TYPES = [0, 1, 2, 3, 4, 9, 10, 11, 12];
const entry = fc.record({
  gfn: fc.integer({ min: 0, max: MAX_GFNS - 1 }),
  type: fc.constantFrom(...DATA_TYPES, 13, 14, 15),
});
const pages = fc.record({
  kind: fc.constant('pages' as const),
  entries: fc.array(entry, { minLength: 1, maxLength: 12 }),
  fill: fc.nat(255),
});
const state = fc.record({
  kind: fc.constant('state' as const),
  body: fc.uint8Array({ minLength: 1, maxLength: 50 }),
});
type Item =
  typeof pages extends fc.Arbitrary<infer P> ? (typeof state extends fc.Arbitrary<infer S> ? P | S : never) : never;

const pieces = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 6 });

function batch({ entries, fill }: Item & { kind: 'pages' }): {
  gfns: Uint32Array;
  types: Uint8Array;
  data: Uint8Array;
} {
  const types = Uint8Array.from(entries, ({ type }) => type);
  const count = types.filter((type) => DATA_TYPES.includes(type)).length;
  const data = new Uint8Array(4096 * count).map((_, i) => (i * 31 + fill + (i >> 12)) & 0xff);
  return { gfns: Uint32Array.from(entries, ({ gfn }) => gfn), types, data };
}

async function writeItem(writer: RecordWriter, item: Item): Promise<void> {
  if (item.kind === 'state') return writer.record(RecordType.HVM_CONTEXT, item.body);
  const { gfns, types, data } = batch(item);
  // In two pieces, cut anywhere.
  const cut = Math.floor((data.length * item.fill) / 255);
  await writer.pageData(gfns, types, [data.subarray(0, cut), data.subarray(cut)]);
}

async function expectItem(reader: RecordReader, item: Item): Promise<void> {
  if (item.kind === 'state') {
    await reader.expect(RecordType.HVM_CONTEXT);
    expect(await reader.readBody()).toEqual(item.body);
    return;
  }
  const { gfns, types, data } = batch(item);
  await reader.expect(RecordType.PAGE_DATA);
  expect(await reader.readPageHeader()).toEqual({ gfns, types, dataPages: data.length / 4096 });
  const contents = new Uint8Array(data.length);
  await reader.readPages(contents);
  expect(Buffer.compare(contents, data)).toBe(0);
}

test('any stream that we write is what we read, however it is cut on its way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(pages, state), { maxLength: 8 }), pieces, async (items, sizes) => {
      const out = new MemoryChannel();
      const writer = new RecordWriter(out);
      await writer.header('hvm', XEN_4_17);
      await writer.record(RecordType.STATIC_DATA_END);
      for (const item of items) await writeItem(writer, item);
      await writer.end();
      expect(out.written().length % 8).toBe(0);

      const reader = new RecordReader(new MemoryChannel(out.written(), sizes));
      await reader.readHeader();
      await reader.expect(RecordType.STATIC_DATA_END);
      for (const item of items) await expectItem(reader, item);
      await reader.expect(RecordType.END);
      expect(reader.offset).toBe(out.bytesWritten);
    }),
    { numRuns: 60 },
  );
});

test('any bitmap comes back without the bits past its pages', () => {
  const bitmaps = fc
    .uint8Array({ maxLength: 40 })
    .chain((bitmap) => fc.tuple(fc.constant(bitmap), fc.nat(8 * bitmap.length)));
  fc.assert(
    fc.property(bitmaps, ([bitmap, count]) => {
      const decoded = decodeBitmap(concat(encodeBitmap(count, bitmap)), count, 0);
      const bit = (map: Uint8Array, gfn: number): number => (map[gfn >> 3] >> (gfn & 7)) & 1;
      for (let gfn = 0; gfn < 8 * decoded.length; gfn++) {
        expect(bit(decoded, gfn)).toBe(gfn < count ? bit(bitmap, gfn) : 0);
      }
    }),
  );
});

test('any request and any reason comes back', () => {
  const request = fc.record({ wanted: fc.nat(999), first: fc.nat(500), count: fc.nat(500) });
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 20 }),
      fc.string({ unit: 'grapheme' }),
      (requests, text) => {
        expect(decodeRequests(encodeRequests(requests), 1000, 0)).toEqual(requests);
        expect(decodeReason(encodeReason(text), 0)).toBe(text.replace(/\p{Cc}|\p{Cf}/gu, '\ufffd'));
      },
    ),
  );
});
