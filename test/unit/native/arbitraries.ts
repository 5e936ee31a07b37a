import fc from 'fast-check';

export const PAGE = 4096;
export const NOT_MAPPED = 0xffffffff;

/** Makes views afresh, so that each implementation gets its own. */
export type Make<T> = () => T;

/** Where a view lies in its buffer, and what kind of buffer: unaligned ones and SharedArrayBuffers included. */
const layout = fc.record({ shared: fc.boolean(), lead: fc.nat(9), trail: fc.nat(9) });

/** Marks bytes that no call may touch. */
const CANARY = 0xa5;

export function bytes(content: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Make<Uint8Array>> {
  return fc.tuple(content, layout).map(([data, { shared, lead, trail }]) => () => {
    const size = lead + data.length + trail;
    const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
    new Uint8Array(buffer).fill(CANARY);
    const view = new Uint8Array(buffer, lead, data.length);
    view.set(data);
    return view;
  });
}

export function words(content: fc.Arbitrary<number[]>): fc.Arbitrary<Make<Uint32Array>> {
  return fc.tuple(content, layout).map(([data, { shared, lead, trail }]) => () => {
    const size = 4 * (lead + data.length + trail);
    const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
    const view = new Uint32Array(buffer, 4 * lead, data.length);
    view.set(data);
    return view;
  });
}

/** Mostly below `limit`, now and then not. */
export function index(limit: number): fc.Arbitrary<number> {
  const wrong = fc.oneof(fc.integer({ min: limit, max: limit + 9 }), fc.constant(0xfffffffe));
  return limit === 0 ? wrong : fc.oneof({ weight: 60, arbitrary: fc.nat(limit - 1) }, { weight: 1, arbitrary: wrong });
}

/** A length of mostly what is needed or more, now and then less. */
export function lengthFor(needed: number): fc.Arbitrary<number> {
  const wrong = fc.nat(Math.max(0, needed - 1));
  return fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: needed, max: needed + 5 }) },
    { weight: 1, arbitrary: wrong },
  );
}

/** Numbers that should be integers from 0 to max. */
export function count(max: number): fc.Arbitrary<number> {
  const wrong = fc.constantFrom(-1, 0.5, max + 1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60);
  return fc.oneof(
    { weight: 8, arbitrary: fc.nat(max) },
    { weight: 1, arbitrary: fc.constant(max) },
    { weight: 1, arbitrary: wrong },
  );
}

export function filled(length: number, value = 0x77): fc.Arbitrary<Make<Uint8Array>> {
  return bytes(fc.constant(new Uint8Array(length).fill(value)));
}

export function blankWords(length: number): fc.Arbitrary<Make<Uint32Array>> {
  return words(fc.constant(new Array<number>(length).fill(0x77777777)));
}

/** Bitmaps with long runs of zeroes and of ones as well as noise. */
export const bitmapContent: fc.Arbitrary<Uint8Array> = fc
  .array(fc.tuple(fc.constantFrom('zero', 'ones', 'noise'), fc.uint8Array({ minLength: 1, maxLength: 25 })), {
    maxLength: 5,
  })
  .map((parts) =>
    Buffer.concat(parts.map(([kind, noise]) => (kind === 'noise' ? noise : noise.fill(kind === 'ones' ? 255 : 0)))),
  );

/** A page that is zero, zero but for one byte, or noise. */
const page: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constant(new Uint8Array(PAGE)),
  fc.tuple(fc.nat(PAGE - 1), fc.integer({ min: 1, max: 255 })).map(([at, value]) => {
    const data = new Uint8Array(PAGE);
    data[at] = value;
    return data;
  }),
  fc.integer().map((seed) => Uint8Array.from({ length: PAGE }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24)),
);

/** Up to six pages, and now and then part of another. */
export const memoryContent: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(page, { minLength: 1, maxLength: 6 }), fc.constantFrom(0, 0, 1, PAGE - 1))
  .map(([pages, tail]) => Buffer.concat([...pages, new Uint8Array(tail)]));

/** Slots into that memory, neighbours and absent ones among them. */
export function slotsFor(memory: Uint8Array): fc.Arbitrary<number[]> {
  const limit = Math.floor(memory.length / PAGE);
  const run = fc.tuple(fc.nat(limit - 1), fc.integer({ min: 1, max: 4 })).map(([first, length]) => {
    return Array.from({ length: Math.min(length, limit - first) }, (_, i) => first + i);
  });
  const one = index(limit).map((slot) => [slot]);
  const absent = fc.constant([NOT_MAPPED]);
  return fc.array(fc.oneof({ weight: 4, arbitrary: run }, one, absent), { maxLength: 7 }).map((parts) => parts.flat());
}
