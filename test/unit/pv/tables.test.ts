/** Page tables between their two forms, against an oracle. */
import fc from 'fast-check';
import { MACHINE_FORM } from '../../../src/native/index.js';
import { describeAddon } from '../native/implementations.js';
import { memoryOf, NR_MFNS, NR_PFNS, page, pageAt, tables, type } from './arbitraries.js';
import { isMachineForm, levelOf, localise, NONE, NOT_MAPPED, normalise, OUT_OF_RANGE } from './oracle.js';

/** Pages with their types, each in a slot of its own or in none, in any order. */
const batch = (nrFrames: number) =>
  fc
    .array(fc.record({ entries: page(nrFrames), type, mapped: fc.boolean() }), { minLength: 1, maxLength: 5 })
    .chain((pages) =>
      fc
        .shuffledSubarray(
          pages.map((_, i) => i),
          { minLength: pages.length },
        )
        .map((order) => ({
          pages,
          slots: Uint32Array.from(pages, ({ mapped }, i) => (mapped ? order[i] : NOT_MAPPED)),
          memory: (spare: number) =>
            memoryOf(
              order.map((_, slot) => pages[order.indexOf(slot)].entries),
              spare,
            ),
          types: Uint8Array.from(pages, (one) => one.type),
        })),
    );

describeAddon('page tables', (native) => {
  const ops = native as unknown as import('../../../src/native/index.js').PvOps;

  test('normaliseTables: a copy in the form of the stream, or a reason', () => {
    fc.assert(
      fc.property(tables, batch(NR_MFNS + 2), ({ m2p, p2m }, { pages, slots, memory, types }) => {
        const before = slots.slice();
        const errors = new Int32Array(pages.length);
        const base = memory(pages.length);
        const untouched = base.slice(0, pages.length * 4096);
        const failed = ops.normaliseTables(m2p, p2m, base, types, slots, errors, pages.length);
        let spare = pages.length;
        let failures = 0;
        pages.forEach(({ entries }, i) => {
          const level = before[i] === NOT_MAPPED ? 0 : levelOf(types[i]);
          const expected = level === 0 ? 0 : normalise({ m2p, p2m }, entries, level);
          if (expected === 0) {
            expect([slots[i], errors[i]]).toEqual([before[i], 0]);
          } else if (typeof expected === 'number') {
            expect([slots[i], errors[i]]).toEqual([NOT_MAPPED, expected]);
            failures++;
          } else {
            expect([slots[i], errors[i]]).toEqual([spare, 0]);
            expect(pageAt(base, spare++)).toEqual(expected);
          }
        });
        expect(failed).toBe(failures);
        expect(base.slice(0, pages.length * 4096)).toEqual(untouched);
      }),
    );
  });

  test('localiseTables: in place, once, or not at all', () => {
    fc.assert(
      fc.property(tables, batch(NR_PFNS + 1), ({ m2p, p2m }, { pages, slots, memory, types }) => {
        const named = types.slice();
        const base = memory(0);
        const errors = new Int32Array(pages.length);
        const pfns = Uint32Array.from(slots.keys());
        const failed = ops.localiseTables(p2m, base, types, pfns, slots, errors);
        let failures = 0;
        pages.forEach(({ entries }, i) => {
          if (slots[i] === NOT_MAPPED) return;
          const due = levelOf(named[i]) > 0 && !isMachineForm(named[i]);
          const expected = due ? localise({ m2p, p2m }, entries) : entries;
          const reason = typeof expected === 'number' ? expected : 0;
          expect(errors[i]).toBe(reason);
          expect(pageAt(base, slots[i])).toEqual(reason ? entries : expected);
          expect(types[i]).toBe(due && !reason ? named[i] | MACHINE_FORM : named[i]);
          failures += reason ? 1 : 0;
        });
        expect(failed).toBe(failures);
      }),
    );
  });

  test('restoreForm undoes localiseTables', () => {
    const whole = BigUint64Array.from({ length: NR_PFNS }, (_, pfn) => BigInt((pfn * 7) % NR_MFNS));
    const m2p = new BigUint64Array(NR_MFNS).fill(NONE);
    whole.forEach((mfn, pfn) => {
      m2p[Number(mfn)] = BigInt(pfn);
    });
    const p2m = whole.map((mfn, pfn) => (m2p[Number(mfn)] === BigInt(pfn) ? mfn : NONE));
    fc.assert(
      fc.property(page(NR_PFNS - 1), fc.constantFrom(1, 2, 3, 4), (entries, level) => {
        fc.pre(
          entries.every((entry) => (entry & 0x80n) === 0n) &&
            (level < 4 || entries.slice(256, 272).every((e) => e === 0n)),
        );
        const base = memoryOf([entries]);
        const types = Uint8Array.of(level);
        const first = Uint32Array.of(0);
        if (ops.localiseTables(p2m, base, types, first, first, new Int32Array(1)) > 0) return;
        expect(types[0]).toBe(level | MACHINE_FORM);
        expect(ops.restoreForm(m2p, p2m, base, types, first, first, new Int32Array(1))).toBe(0);
        expect([types[0], pageAt(base, 0)]).toEqual([level, entries]);
      }),
    );
  });

  test('a page table that a batch names twice is turned once, both ways', () => {
    const p2m = BigUint64Array.of(1n, 2n, 0n);
    const m2p = BigUint64Array.of(2n, 0n, 1n);
    const base = memoryOf([[0x0001n, 0x1001n]]);
    const table = Uint8Array.of(0, 0, 1);
    const batch = [Uint32Array.of(2, 2), Uint32Array.of(0, 0), new Int32Array(2)] as const;
    const before = pageAt(base, 0);
    expect(ops.localiseTables(p2m, base, table, ...batch)).toBe(0);
    expect(pageAt(base, 0).slice(0, 2)).toEqual([0x1001n, 0x2001n]);
    expect(ops.restoreForm(m2p, p2m, base, table, ...batch)).toBe(0);
    expect([pageAt(base, 0), table[2]]).toEqual([before, 1]);
  });

  test('missingFrames names what localiseTables lacks', () => {
    fc.assert(
      fc.property(tables, page(NR_PFNS - 1), ({ p2m }, entries) => {
        const out = new Uint32Array(512);
        const count = ops.missingFrames(p2m, memoryOf([entries]), 0, out);
        const expected = entries.filter((entry) => (entry & 1n) !== 0n).map((entry) => Number((entry >> 12n) & 0xffn));
        expect([...out.subarray(0, count)]).toEqual(expected.filter((pfn) => p2m[pfn] === NONE));
      }),
    );
  });

  test('entryFrames stops at the first entry that is not present', () => {
    const entries = BigUint64Array.of(0n, 0x5001n, 0x8000_0000_0000_6007n, 0x7000n, 0x8001n);
    const out = new BigUint64Array(4);
    expect(ops.entryFrames(entries, 1, out)).toBe(2);
    expect([...out.subarray(0, 2)]).toEqual([5n, 6n]);
    expect(() => ops.entryFrames(entries, 2, out)).toThrow(OUT_OF_RANGE);
  });

  test('nothing beyond the buffers is touched', () => {
    const { m2p, p2m } = { m2p: new BigUint64Array(4), p2m: new BigUint64Array(4) };
    const base = memoryOf([[], []]);
    const one = Uint8Array.of(1);
    const first = Uint32Array.of(0);
    const errors = new Int32Array(1);
    expect(() => ops.normaliseTables(m2p, p2m, base, one, Uint32Array.of(2), errors, 1)).toThrow(OUT_OF_RANGE);
    expect(() => ops.normaliseTables(m2p, p2m, base, one, Uint32Array.of(0), errors, 2)).toThrow(OUT_OF_RANGE);
    expect(() => ops.normaliseTables(m2p, p2m, base, one, Uint32Array.of(0), new Int32Array(2), 1)).toThrow(
      OUT_OF_RANGE,
    );
    expect(ops.localiseTables(p2m, base, one, Uint32Array.of(1), first, errors)).toBe(0);
    expect(() => ops.localiseTables(p2m, base, one, new Uint32Array(2), first, errors)).toThrow(OUT_OF_RANGE);
    expect(() => ops.localiseTables(p2m, base, one, first, Uint32Array.of(2), errors)).toThrow(OUT_OF_RANGE);
    expect(() => ops.localiseTables(p2m, base.subarray(4), one, first, first, errors)).toThrow(OUT_OF_RANGE);
    expect(() => ops.missingFrames(p2m, base, 2, new Uint32Array(512))).toThrow(OUT_OF_RANGE);
    expect(() => ops.missingFrames(p2m, base, 0, new Uint32Array(511))).toThrow(OUT_OF_RANGE);
    expect(() => ops.localiseTables(new Uint8Array(8) as never, base, one, first, first, errors)).toThrow(
      expect.objectContaining({ name: 'TypeError' }),
    );
  });
});
