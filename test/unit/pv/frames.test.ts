/** Frame numbers of PV domains by the batch, against an oracle. */
import fc from 'fast-check';
import { NO_HOLE, POPULATED } from '../../../src/backends/xen/pv/page-types.js';
import type { PvOps } from '../../../src/native/index.js';
import { describeAddon } from '../native/implementations.js';
import { NR_MFNS, NR_PFNS, tables } from './arbitraries.js';
import { mfnOf, NONE, OUT_OF_RANGE, pfnOf } from './oracle.js';

const pfns = fc.array(fc.nat(NR_PFNS + 3), { maxLength: 20 }).map((list) => Uint32Array.from(list));
const inRange = fc.array(fc.nat(NR_PFNS - 1), { maxLength: 20 }).map((list) => Uint32Array.from(list));

describeAddon('frame numbers', (native) => {
  const ops = native as unknown as PvOps;

  test('machineFrames', () => {
    fc.assert(
      fc.property(tables, pfns, (frames, list) => {
        const out = new BigUint64Array(list.length);
        ops.machineFrames(frames.p2m, list, out);
        expect([...out]).toEqual(Array.from(list, (pfn) => mfnOf(frames, BigInt(pfn))));
      }),
    );
  });

  test('physicalFrames believes only what both tables say, and stops at the first lie', () => {
    fc.assert(
      fc.property(tables, fc.array(fc.bigInt(0n, BigInt(NR_MFNS + 1)), { maxLength: 12 }), (frames, mfns) => {
        const expected = mfns.map((mfn) => pfnOf(frames, mfn));
        const until = expected.indexOf(undefined);
        const count = until < 0 ? mfns.length : until;
        const out = new Uint32Array(mfns.length);
        expect(ops.physicalFrames(frames.m2p, frames.p2m, BigUint64Array.from(mfns), out)).toBe(count);
        expect([...out.subarray(0, count)]).toEqual(expected.slice(0, count).map(Number));
      }),
    );
    const { m2p, p2m } = { m2p: new BigUint64Array(2).fill(NONE), p2m: new BigUint64Array(2).fill(NONE) };
    expect(ops.physicalFrames(m2p, p2m, BigUint64Array.of(NONE), new Uint32Array(1))).toBe(0);
  });

  test('wantedFrames: those without a page that are to have one, ascending, each once', () => {
    fc.assert(
      fc.property(tables, inRange, fc.boolean(), ({ p2m }, list, typed) => {
        const types = typed ? Uint8Array.from(list, (_, i) => i % 16) : undefined;
        const out = new Uint32Array(list.length);
        const count = ops.wantedFrames(p2m, list, types, out);
        const wanted = [...list].filter((pfn, i) => p2m[pfn] === NONE && !(types && [0xd, 0xf].includes(types[i])));
        expect([...out.subarray(0, count)]).toEqual([...new Set(wanted)].sort((a, b) => a - b));
      }),
    );
    expect(() => ops.wantedFrames(new BigUint64Array(2), Uint32Array.of(2), undefined, new Uint32Array(1))).toThrow(
      OUT_OF_RANGE,
    );
  });

  test('heldFrames: those with a page, in order, in place if that is wanted', () => {
    fc.assert(
      fc.property(tables, pfns, ({ p2m }, list) => {
        const expected = [...list].filter((pfn) => pfn < p2m.length && p2m[pfn] !== NONE);
        const out = new Uint32Array(list.length);
        expect([...out.subarray(0, ops.heldFrames(p2m, list, out))]).toEqual(expected);
        expect([...list.subarray(0, ops.heldFrames(p2m, list, list))]).toEqual(expected);
      }),
    );
    expect(() => ops.heldFrames(new BigUint64Array(2), Uint32Array.of(0), new Uint32Array(0))).toThrow(OUT_OF_RANGE);
  });

  test('setMachineFrames and widenFrames', () => {
    const p2m = new BigUint64Array(4).fill(NONE);
    ops.setMachineFrames(p2m, Uint32Array.of(3, 1), BigUint64Array.of(30n, 10n));
    expect([...p2m]).toEqual([NONE, 10n, NONE, 30n]);
    expect(() => ops.setMachineFrames(p2m, Uint32Array.of(4), BigUint64Array.of(1n))).toThrow(OUT_OF_RANGE);
    expect(() => ops.setMachineFrames(p2m, Uint32Array.of(0), new BigUint64Array(2))).toThrow(OUT_OF_RANGE);
    const wide = new BigUint64Array(2);
    ops.widenFrames(Uint32Array.of(7, 0xffffffff), wide);
    expect([...wide]).toEqual([7n, 0xffffffffn]);
  });

  test('types: beyond the table there is nothing', () => {
    const table = Uint8Array.of(0, 0x11, 4);
    const out = new Uint8Array(4);
    ops.typesAt(table, Uint32Array.of(1, 2, 3, 0xffffffff), 0xf, out);
    expect([...out]).toEqual([1, 4, 0xf, 0xf]);
    ops.setTypes(table, Uint32Array.of(0, 9), Uint8Array.of(0xf, 1));
    expect([...table]).toEqual([0xf, 0x11, 4]);
  });

  test('types become what a table says', () => {
    const table = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff);
    const gfns = Uint32Array.of(4, 3, 2, 1, 0, 9);
    ops.setTypes(table, gfns, Uint8Array.of(0xe, 0xd, 0xf, 0x1, 0x0, 0xe), POPULATED);
    expect([...table]).toEqual([0x0, 0x1, 0xf, 0xf, 0x0]);
    ops.setTypes(table, Uint32Array.of(0, 1, 2), Uint8Array.of(0xf, 0x14, 0x1), NO_HOLE);
    expect([...table]).toEqual([0x0, 0x14, 0x1, 0xf, 0x0]);
    expect(() => ops.setTypes(table, gfns, new Uint8Array(6), NO_HOLE.subarray(1))).toThrow(OUT_OF_RANGE);
  });

  test('findBytes', () => {
    const wanted = new Uint8Array(256);
    wanted[2] = wanted[4] = 1;
    const out = new Uint32Array(2);
    const table = Uint8Array.of(2, 3, 4, 2, 4);
    expect([ops.findBytes(table, wanted, 0, out), ...out]).toEqual([2, 0, 2]);
    expect([ops.findBytes(table, wanted, 3, out), ...out]).toEqual([2, 3, 4]);
    expect(ops.findBytes(table, wanted, 5, out)).toBe(0);
    expect(() => ops.findBytes(table, wanted.subarray(1), 0, out)).toThrow(OUT_OF_RANGE);
  });
});
