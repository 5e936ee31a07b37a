/** Hostile streams: nothing but a StreamError comes of them, soon, and within the stated memory. */
import fc from 'fast-check';
import {
  ACCEPTED,
  analyse,
  decodeBitmap,
  decodeCapabilities,
  decodeHello,
  decodeReason,
  decodeRequests,
  encodeBitmap,
  encodeCapabilities,
  encodeHello,
  encodeRequests,
  type Limits,
  MAX_PAGES_READ,
  RecordReader,
  StreamError,
  RecordType as T,
} from '../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../support/memory-channel.js';
import { END, HVM_HEADER, hvmStream, page, rawPages, rawRecord, STATIC_DATA_END } from '../support/streams.js';

const GFNS = 1000;
const id = new Uint8Array(16);
const capabilities = encodeCapabilities({
  features: 3,
  migrationId: id,
  nrGfns: GFNS,
  maxPages: GFNS,
  vcpus: 1,
  token: new Uint8Array(32),
  address: 'localhost:1',
});
const bitmap = concat(encodeBitmap(GFNS, new Uint8Array(125)));

const SEEDS = [
  hvmStream(),
  concat([
    HVM_HEADER,
    rawRecord(T.CAPABILITIES, capabilities),
    STATIC_DATA_END,
    rawPages([1n, 2n], [page(1), page(2)]),
    rawRecord(T.EVICT_AHEAD, bitmap),
    rawRecord(0x80000007, new Uint8Array(100)),
    rawRecord(T.DIRTY_BITMAP, bitmap),
    rawRecord(T.HVM_CONTEXT, new Uint8Array(99)),
    rawRecord(T.STAGE3),
    END,
  ]),
];
/** What the source may get on the control channel, and on the others. */
const CONVERSATION = concat([
  rawRecord(T.HELLO, encodeHello({ purpose: 'control', migrationId: id })),
  rawRecord(T.MISSING_BITMAP, bitmap),
  rawRecord(T.REQUEST, encodeRequests([{ wanted: 1, first: 0, count: 8 }])),
  rawRecord(T.READY),
  rawRecord(T.RUNNING),
  rawRecord(T.ABORT, new Uint8Array([0x6e, 0x6f])),
  rawRecord(T.DONE, new Uint8Array(20)),
]);
const ALL_TO_SOURCE = new Set(Object.values(ACCEPTED).flatMap(({ source }) => [...source]));

/** One change to a stream of the given length. */
type Mutation = (stream: Uint8Array) => Uint8Array;

/** Where headers and lengths are: most of a stream is page data, where a change changes nothing. */
const place = fc.oneof(fc.nat(260), fc.nat());
const at = (stream: Uint8Array, position: number): number => position % Math.max(1, stream.length);
const LIES = [
  0,
  1,
  7,
  8,
  9,
  0x7f,
  0x80,
  0xff,
  0x1000,
  0xffff,
  1 << 20,
  1 << 27,
  (1 << 27) + 1,
  0x7fffffff,
  0x80000000,
  0xffffffff,
];

const flip = fc.tuple(place, fc.nat(7)).map(
  ([position, bit]): Mutation =>
    (stream) => {
      const copy = stream.slice();
      if (copy.length > 0) copy[at(copy, position)] ^= 1 << bit;
      return copy;
    },
);
const truncate = place.map(
  (position): Mutation =>
    (stream) =>
      stream.slice(0, at(stream, position)),
);
const splice = fc.tuple(place, fc.nat(64), fc.uint8Array({ maxLength: 64 })).map(
  ([position, remove, insert]): Mutation =>
    (stream) =>
      concat([stream.slice(0, at(stream, position)), insert, stream.slice(at(stream, position) + remove)]),
);
/** A u32 anywhere becomes one that has broken parsers before. */
const lie = fc.tuple(place, fc.constantFrom(...LIES)).map(
  ([position, value]): Mutation =>
    (stream) => {
      const copy = stream.slice();
      const word = at(copy, position) & ~3;
      if (word + 4 <= copy.length) new DataView(copy.buffer).setUint32(word, value, true);
      return copy;
    },
);
const mutations = fc.array(fc.oneof(flip, truncate, splice, lie, lie), { minLength: 1, maxLength: 4 });
const mutate = (stream: Uint8Array, changes: readonly Mutation[]): Uint8Array =>
  changes.reduce((changed, change) => change(changed), stream);

/** The most that any one buffer may take: HVM_CONTEXT with its padding, and nothing that grows with a lie. */
const LARGEST_BUFFER = 8 << 20;

/** Limits whose allocator keeps account, and refuses beyond the bound. */
function counting(): Limits & { largest(): number } {
  let largest = 0;
  return {
    maxGfns: GFNS,
    largest: () => largest,
    allocate(bytes) {
      largest = Math.max(largest, bytes);
      if (bytes > LARGEST_BUFFER) throw new Error(`${bytes} bytes were asked for`);
      return new Uint8Array(bytes);
    },
  };
}

test('a mutated stream is summed up or refused with a place in it', async () => {
  let refused = 0;
  const seeds = fc.constantFrom(...SEEDS);
  await fc.assert(
    fc.asyncProperty(seeds, mutations, async (seed, changes) => {
      const stream = mutate(seed, changes);
      const { complete, error, bytes } = await analyse(new MemoryChannel(stream, [4096, 1, 100_000]), counting());
      expect(complete).toBe(error === undefined);
      expect(bytes).toBeLessThanOrEqual(stream.length);
      if (error) expect(error.offset).toBeLessThanOrEqual(stream.length);
      if (error) refused++;
    }),
    { numRuns: 1500 },
  );
  // The mutations do bite.
  expect(refused).toBeGreaterThan(500);
}, 15_000);

/** Decodes every body as the engine would. */
async function decodeAll(reader: RecordReader): Promise<void> {
  for (;;) {
    const { type, offset } = await reader.next();
    if (type === T.END) return;
    if (type === T.PAGE_DATA) {
      const { dataPages } = await reader.readPageHeader(GFNS);
      expect(dataPages).toBeLessThanOrEqual(MAX_PAGES_READ);
      await reader.skipBody();
      continue;
    }
    const body = await reader.readBody();
    if (type === T.CAPABILITIES) decodeCapabilities(body, offset);
    if (type === T.HELLO) decodeHello(body, offset);
    if (type === T.REQUEST) decodeRequests(body, GFNS, offset);
    if (type === T.ABORT) decodeReason(body, offset);
    if (type === T.EVICT_AHEAD || type === T.DIRTY_BITMAP || type === T.MISSING_BITMAP)
      decodeBitmap(body, GFNS, offset);
  }
}

async function refusedWith(reading: Promise<unknown>): Promise<unknown> {
  return reading.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('nothing but a StreamError comes of the bodies of our own records', async () => {
  await fc.assert(
    fc.asyncProperty(mutations, async (changes) => {
      const reader = new RecordReader(new MemoryChannel(mutate(SEEDS[1], changes)), counting());
      const error = await refusedWith(reader.readHeader().then(() => decodeAll(reader)));
      if (error !== undefined) expect(error).toBeInstanceOf(StreamError);
    }),
    { numRuns: 700 },
  );
});

test('nor of what a hostile destination says', async () => {
  await fc.assert(
    fc.asyncProperty(mutations, async (changes) => {
      const limits = { ...counting(), accepts: ALL_TO_SOURCE };
      const reader = new RecordReader(new MemoryChannel(mutate(CONVERSATION, changes)), limits);
      // A conversation has no END: it is cut off at the latest where its bytes end.
      expect(await refusedWith(decodeAll(reader))).toBeInstanceOf(StreamError);
      expect(limits.largest()).toBeLessThanOrEqual(64 << 10);
    }),
    { numRuns: 700 },
  );
});

test('nor of bytes that were never a stream', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const reader = new RecordReader(new MemoryChannel(concat([HVM_HEADER, STATIC_DATA_END, bytes])), counting());
      const error = await refusedWith(reader.readHeader().then(() => decodeAll(reader)));
      if (error !== undefined) expect(error).toBeInstanceOf(StreamError);
    }),
    { numRuns: 500 },
  );
});
