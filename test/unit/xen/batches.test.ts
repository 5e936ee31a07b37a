/** What the Xen backend asks of a batch of gfns, against the plainest way to say it. */
import fc from 'fast-check';
import { ascending } from '../../../src/backends/xen/pv/gfn-set.js';
import { BLANK, HOLE, ofTypes, PRESENT } from '../../../src/backends/xen/type-sets.js';
import type { XenOps } from '../../../src/native/index.js';
import { describeAddon } from '../native/implementations.js';
import { OUT_OF_RANGE } from '../pv/oracle.js';

const MOST = 0xffff_ffff;
const gfn = fc.oneof(fc.nat(40), fc.integer({ min: MOST - 3, max: MOST }));
/** Gfns, and a type for each. */
const batch = fc
  .array(fc.tuple(gfn, fc.nat(31)), { maxLength: 40 })
  .map((pages) => [Uint32Array.from(pages, ([one]) => one), Uint8Array.from(pages, ([, type]) => type)] as const);

describeAddon('batches', (native) => {
  const ops = native as unknown as XenOps;

  test('ofTypes', () => {
    fc.assert(
      fc.property(batch, fc.constantFrom(HOLE, PRESENT, BLANK), ([gfns, types], wanted) => {
        const expected = [...gfns].filter((_, i) => wanted[types[i]] === 1);
        expect([...ofTypes(ops, gfns, types, wanted)]).toEqual(expected);
        const inPlace = gfns.slice();
        expect([...inPlace.subarray(0, ops.ofTypes(inPlace, types, wanted, inPlace))]).toEqual(expected);
      }),
    );
    const one = Uint32Array.of(1);
    expect(() => ops.ofTypes(one, new Uint8Array(2), HOLE, one)).toThrow(OUT_OF_RANGE);
    expect(() => ops.ofTypes(one, new Uint8Array(1), HOLE.subarray(1), one)).toThrow(OUT_OF_RANGE);
    expect(() => ops.ofTypes(one, new Uint8Array(1), HOLE, new Uint32Array(0))).toThrow(OUT_OF_RANGE);
  });

  test('gfnsEnd', () => {
    fc.assert(
      fc.property(batch, ([gfns]) => {
        expect(ops.gfnsEnd(gfns)).toBe(Math.max(-1, ...gfns) + 1);
      }),
    );
    expect(ops.gfnsEnd(Uint32Array.of(MOST))).toBe(2 ** 32);
  });

  test('wanting', () => {
    fc.assert(
      fc.property(batch, fc.uint8Array({ maxLength: 5 }), fc.boolean(), ([gfns, types], present, typed) => {
        const has = (one: number): boolean => one < present.length * 8 && ((present[one >> 3] >> (one & 7)) & 1) === 1;
        const named = (i: number): boolean => !typed || (types[i] !== 0xf && types[i] !== 0xd);
        const out = new Uint32Array(gfns.length);
        const count = ops.wanting(gfns, typed ? types : undefined, present, out);
        expect([...out.subarray(0, count)]).toEqual([...gfns].filter((one, i) => named(i) && !has(one)));
      }),
    );
  });
});

test('the sets of types', () => {
  const members = (set: Uint8Array): number[] => [...set.keys()].filter((type) => set[type] === 1);
  expect([members(HOLE), members(BLANK)]).toEqual([[0xf], [0xe]]);
  expect(members(PRESENT)).toEqual(Array.from({ length: 256 }, (_, type) => type).filter((type) => type !== 0xf));
});

test('ascending: all gfns of the batches, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.uint32Array({ max: 99, maxLength: 20 }), { maxLength: 5 }), (batches) => {
      const expected = [...new Set(batches.flatMap((gfns) => [...gfns]))].sort((a, b) => a - b);
      expect([...ascending(100, batches)]).toEqual(expected);
    }),
  );
});
