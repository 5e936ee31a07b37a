/** The two implementations are equal: results, errors, and every byte they leave behind. */
import fc from 'fast-check';
import { fallback } from '../../../src/native/fallback.js';
import type { PageOps } from '../../../src/native/page-ops.js';
import * as a from './arbitraries.js';
import { describeAddon, type OperationName } from './implementations.js';
import { buffersOf, expectSame, expectSameBytes, outcomeOf } from './outcome.js';

type Calls = { [K in OperationName]: fc.Arbitrary<() => Parameters<PageOps[K]>> };

/** Turns makers of arguments into one maker of all. Plain values pass as they are. */
function call<T extends unknown[]>(
  ...parts: { [I in keyof T]: fc.Arbitrary<T[I] | a.Make<T[I]>> }
): fc.Arbitrary<() => T> {
  const all = fc.tuple(...(parts as fc.Arbitrary<unknown>[]));
  return all.map((made) => () => made.map((part) => (typeof part === 'function' ? part() : part)) as T);
}

const twoBitmaps = a.bitmapContent.chain((data) =>
  a
    .lengthFor(data.length)
    .chain((length) =>
      call<[Uint8Array, Uint8Array]>(
        a.bytes(fc.constant(data)),
        a.bytes(fc.uint8Array({ minLength: data.length, maxLength: data.length + (length < data.length ? 1 : 0) })),
      ),
    ),
);

const bitmapAndGfns = a.bitmapContent.chain((data) =>
  call<[Uint8Array, Uint32Array]>(
    a.bytes(fc.constant(data)),
    a.words(fc.array(a.index(data.length * 8), { maxLength: 20 })),
  ),
);

const tableAndIndices = fc
  .uint8Array({ maxLength: 40 })
  .chain((table) => fc.tuple(fc.constant(table), fc.array(a.index(table.length), { maxLength: 20 })));

const memoryAndSlots = a.memoryContent.chain((memory) => fc.tuple(fc.constant(memory), a.slotsFor(memory)));

/** base, slots and an output of so many bytes a slot. */
function pagesTo(bytesPerSlot: number): fc.Arbitrary<() => [Uint8Array, Uint32Array, Uint8Array]> {
  return memoryAndSlots.chain(([memory, slots]) =>
    a
      .lengthFor(slots.length * bytesPerSlot)
      .chain((out) =>
        call<[Uint8Array, Uint32Array, Uint8Array]>(
          a.bytes(fc.constant(memory)),
          a.words(fc.constant(slots)),
          a.filled(out),
        ),
      ),
  );
}

const presentBytes = (slots: number[]): number => slots.filter((slot) => slot !== a.NOT_MAPPED).length * a.PAGE;

/** An entry of PAGE_DATA; mostly a good one. */
const entry: fc.Arbitrary<bigint> = fc
  .tuple(a.index(16), fc.nat(2000), fc.oneof({ weight: 40, arbitrary: fc.constant(0n) }, fc.bigInt(0n, 1n << 60n)))
  .map(([type, gfn, noise]) => BigInt.asUintN(64, (BigInt(type) << 60n) | BigInt(gfn) | noise));

const entriesContent: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(entry, { maxLength: 6 }), fc.constantFrom(0, 0, 0, 0, 0, 3))
  .map(([entries, tail]) => Buffer.concat([new Uint8Array(BigUint64Array.from(entries).buffer), new Uint8Array(tail)]));

const calls: Calls = {
  bitmapToGfns: a.bitmapContent.chain((data) =>
    a
      .count(data.length * 8)
      .chain((pages) =>
        call<[Uint8Array, number, number, Uint32Array]>(
          a.bytes(fc.constant(data)),
          fc.constant(pages),
          a.count(Math.max(0, Math.min(Math.trunc(pages) || 0, 2000))),
          fc.nat(300).chain(a.blankWords),
        ),
      ),
  ),
  bitmapCount: a.bitmapContent.chain((data) =>
    call<[Uint8Array, number]>(a.bytes(fc.constant(data)), a.count(data.length * 8)),
  ),
  bitmapOr: twoBitmaps,
  bitmapAnd: twoBitmaps,
  bitmapAndNot: twoBitmaps,
  bitmapSet: bitmapAndGfns,
  bitmapClear: bitmapAndGfns,
  bitmapTest: fc
    .tuple(
      bitmapAndGfns,
      fc.nat(30).chain((length) => a.filled(length)),
    )
    .map(([make, out]) => () => [...make(), out()]),
  bytesAt: tableAndIndices.chain(([table, indices]) =>
    a
      .lengthFor(indices.length)
      .chain((out) =>
        call<[Uint8Array, Uint32Array, Uint8Array]>(
          a.bytes(fc.constant(table)),
          a.words(fc.constant(indices)),
          a.filled(out),
        ),
      ),
  ),
  setBytesAt: tableAndIndices.chain(([table, indices]) =>
    call<[Uint8Array, Uint32Array, number]>(a.bytes(fc.constant(table)), a.words(fc.constant(indices)), a.count(255)),
  ),
  increment: tableAndIndices.chain(([table, indices]) =>
    call<[Uint8Array, Uint32Array]>(
      a.bytes(fc.constant(table.map((count) => (count > 127 ? 250 + (count % 6) : count)))),
      a.words(fc.constant(indices)),
    ),
  ),
  runs: memoryAndSlots.chain(([, slots]) =>
    call<[Uint32Array, Uint32Array]>(a.words(fc.constant(slots)), fc.nat(20).chain(a.blankWords)),
  ),
  zeroPages: pagesTo(1),
  dropDataless: fc
    .array(fc.tuple(fc.nat(255), fc.constantFrom(a.NOT_MAPPED, 0, 7)), { maxLength: 20 })
    .chain((entries) =>
      call<[Uint8Array, Uint32Array]>(
        a.bytes(fc.constant(Uint8Array.from(entries, ([type]) => type % 17))),
        a.words(fc.constantFrom(0, 0, 0, 1).map((more) => [...entries.map(([, slot]) => slot), ...[7].slice(0, more)])),
      ),
    ),
  elideZeroPages: memoryAndSlots.chain(([memory, slots]) =>
    call<[Uint8Array, Uint32Array, Uint8Array, Uint8Array, Uint32Array]>(
      a.bytes(fc.constant(memory)),
      a.words(fc.array(a.index(64), { minLength: slots.length, maxLength: slots.length })),
      a.bytes(fc.uint8Array({ minLength: 8, maxLength: 8 })),
      a.lengthFor(slots.length).chain((length) => a.filled(Math.min(length, slots.length), 0)),
      a.words(fc.constant(slots)),
    ),
  ),
  present: memoryAndSlots.chain(([, slots]) =>
    a
      .lengthFor(slots.length)
      .chain((out) =>
        call<[Uint32Array, Uint32Array, Uint32Array]>(
          a.words(fc.constant(slots.map((_, i) => 100 + i))),
          a.words(fc.constantFrom(slots, slots, slots, [...slots, 0])),
          a.blankWords(out),
        ),
      ),
  ),
  gather: memoryAndSlots.chain(([memory, slots]) =>
    a
      .lengthFor(presentBytes(slots))
      .chain((out) =>
        call<[Uint8Array, Uint32Array, Uint8Array]>(
          a.bytes(fc.constant(memory)),
          a.words(fc.constant(slots)),
          a.filled(out),
        ),
      ),
  ),
  scatter: memoryAndSlots.chain(([memory, slots]) =>
    a
      .lengthFor(presentBytes(slots))
      .chain((size) =>
        call<[Uint8Array, Uint8Array, Uint32Array]>(
          a.bytes(fc.constant(Uint8Array.from({ length: size }, (_, i) => i >>> 4))),
          a.bytes(fc.constant(memory)),
          a.words(fc.constant(slots)),
        ),
      ),
  ),
  digestPages: pagesTo(16),
  encodePfns: fc.array(fc.tuple(fc.nat(0xffffffff), a.index(16)), { maxLength: 6 }).chain((entries) =>
    call<[Uint32Array, Uint8Array, Uint8Array]>(
      a.words(fc.constant(entries.map(([gfn]) => gfn))),
      a.bytes(fc.constant(Uint8Array.from(entries, ([, type]) => type))),
      a.lengthFor(entries.length * 8).chain((length) => a.filled(length)),
    ),
  ),
  decodePfns: entriesContent.chain((entries) => {
    const length = a.lengthFor(Math.floor(entries.length / 8));
    return call<[Uint8Array, number, Uint32Array, Uint8Array]>(
      a.bytes(fc.constant(entries)),
      fc.oneof(fc.constant(2001), a.count(3000), fc.constant(2 ** 32)),
      length.chain(a.blankWords),
      length.chain((n) => a.filled(n)),
    );
  }),
  prefault: a.bytes(fc.oneof(a.memoryContent, a.bitmapContent)).map((make) => () => [make()]),
};

const CANNOT_FAIL: OperationName[] = ['runs', 'prefault'];

describeAddon('native and TypeScript do the same', (native) => {
  test.each(Object.keys(calls) as OperationName[])('%s', (name) => {
    const seen = { results: 0, errors: 0 };
    const property = fc.property(calls[name], (make: () => Parameters<PageOps[OperationName]>) => {
      const outcome = outcomeOf(native, name, make());
      expectSame(outcome, outcomeOf(fallback, name, make()));
      // An error leaves everything as it was.
      if (outcome.error !== undefined) expectSameBytes(outcome.buffers, buffersOf(make()));
      seen[outcome.error === undefined ? 'results' : 'errors']++;
    });
    fc.assert(property, { numRuns: 300 });
    // The property is worth something only if it saw both.
    expect(seen.results).toBeGreaterThan(30);
    if (!CANNOT_FAIL.includes(name)) expect(seen.errors).toBeGreaterThan(0);
  });

  test('both have every operation', () => {
    // The addon has more: what only a dom0 needs, and so has no fallback.
    expect(Object.keys(native)).toEqual(expect.arrayContaining(Object.keys(fallback)));
    expect(Object.keys(calls).sort()).toEqual(
      Object.keys(fallback)
        .filter((key) => key !== 'kind')
        .sort(),
    );
  });
});
