/** Pages that are held: where they lie, and when their mappings go, against the plainest way to say it. */
import fc from 'fast-check';
import {
  BackendError,
  Errno,
  type HeldPages,
  type Mapping,
  NOT_MAPPED,
  PAGE_SIZE,
} from '../../../src/backends/backend.js';
import { holdPages } from '../../../src/backends/xen/held-pages.js';
import type { XenOps } from '../../../src/native/index.js';
import { bitmapOf } from '../../conformance/pages.js';
import { describeAddon } from '../native/implementations.js';
import { OUT_OF_RANGE } from '../pv/oracle.js';

const NR_GFNS = 60;
const DOMID = 3;

/** Each page holds its gfn; those of `holes` cannot be mapped. Counts what is mapped, as the hypervisor does. */
class Guest {
  readonly mapped: Uint32Array[] = [];

  constructor(private readonly holes: ReadonlySet<number>) {}

  /** Pages that fail are left out of `base`, as they are of a foreign mapping. */
  async map(gfns: Uint32Array): Promise<Mapping> {
    const there = gfns.filter((gfn) => !this.holes.has(gfn));
    const base = new Uint8Array(there.length * PAGE_SIZE);
    there.forEach((gfn, slot) => {
      base.fill(gfn + 1, slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE);
    });
    const slots = gfns.map((gfn) => (there.includes(gfn) ? there.indexOf(gfn) : NOT_MAPPED));
    const errors = Int32Array.from(slots, (slot) => (slot === NOT_MAPPED ? Errno.EINVAL : 0));
    this.mapped.push(there);
    const unmap = (): void => {
      const at = this.mapped.indexOf(there);
      if (at >= 0) this.mapped.splice(at, 1);
      // A late look is to be seen.
      base.fill(0xee);
    };
    return { base, slots, errors, failed: gfns.length - there.length, unmap, [Symbol.dispose]: unmap };
  }
}

/** The first byte of each page less one, or undefined. */
const shownBy = ({ base, slots, errors }: Mapping): (number | undefined)[] =>
  Array.from(slots, (slot, i) => (errors[i] === 0 ? base[slot * PAGE_SIZE + PAGE_SIZE - 1] - 1 : undefined));

const gfn = fc.oneof({ weight: 20, arbitrary: fc.nat(NR_GFNS - 1) }, fc.integer({ min: NR_GFNS, max: 0xffff_ffff }));
const batch = fc.array(gfn, { maxLength: 12 }).map((list) => Uint32Array.from(list));
const run = fc
  .tuple(fc.nat(NR_GFNS - 1), fc.nat(30))
  .map(([first, length]) => Uint32Array.from({ length }, (_, i) => first + i));
const step = fc.record({
  what: fc.constantFrom('map', 'map', 'release', 'unmap'),
  gfns: fc.oneof(run, batch),
  which: fc.nat(),
});
const setup = fc.record({
  gfns: fc
    .uniqueArray(fc.nat(NR_GFNS - 1), { maxLength: 50, size: 'max' })
    .map((list) => Uint32Array.from(list).sort()),
  holes: fc.array(fc.nat(NR_GFNS - 1), { maxLength: 10 }),
  perPiece: fc.integer({ min: 1, max: 25 }),
});

describeAddon('held pages', (native) => {
  const ops = native as unknown as XenOps;
  const backend = { ops, foreign: undefined, domain: () => ({ suspended: true }) };
  const holdOf = (guest: Guest, gfns: Uint32Array, perPiece: number, of = backend): Promise<HeldPages> =>
    holdPages(of, DOMID, bitmapOf(gfns, NR_GFNS), NR_GFNS, (some) => guest.map(some), perPiece);

  test('whatever is mapped and released, in whatever order, shows what it did, and no mapping stays too long', async () => {
    const seen = { across: 0, within: 0 };
    await fc.assert(
      fc.asyncProperty(
        setup,
        fc.array(step, { maxLength: 20, size: 'max' }),
        async ({ gfns, holes, perPiece }, steps) => {
          const guest = new Guest(new Set(holes));
          const left = new Set([...gfns].filter((each) => !holes.includes(each)));
          const pieceOf = (each: number): number => Math.floor(gfns.indexOf(each) / perPiece);
          const open: { mapping: Mapping; shows: (number | undefined)[]; piece: number | undefined }[] = [];
          const held = await holdOf(guest, gfns, perPiece);
          for (const { what, gfns: some, which } of steps) {
            if (what === 'release') {
              held.release(some);
              for (const each of some) left.delete(each);
            } else if (what === 'map') {
              const mapping = held.map(some);
              const shows = Array.from(some, (each) => (left.has(each) ? each : undefined));
              const pieces = new Set(shows.filter((each) => each !== undefined).map(pieceOf));
              open.push({ mapping, shows, piece: pieces.size === 1 ? [...pieces][0] : undefined });
              if (pieces.size > 0) seen[pieces.size > 1 ? 'across' : 'within']++;
              expect([...mapping.errors]).toEqual(shows.map((each) => (each === undefined ? Errno.EINVAL : 0)));
              expect(mapping.failed).toBe(shows.filter((each) => each === undefined).length);
              expect([...mapping.slots].map((slot) => slot === NOT_MAPPED)).toEqual(
                shows.map((each) => each === undefined),
              );
            } else if (open.length > 0) {
              const { mapping } = open.splice(which % open.length, 1)[0];
              mapping.unmap();
              mapping.unmap();
            }
            for (const { mapping, shows } of open) expect(shownBy(mapping)).toEqual(shows);
            expect(held.count).toBe(left.size);
            const wanted = new Set([...[...left].map(pieceOf), ...open.flatMap(({ piece }) => piece ?? [])]);
            expect(guest.mapped.map((there) => pieceOf(there[0])).sort()).toEqual([...wanted].sort());
          }
          held[Symbol.dispose]();
          for (const { mapping, shows } of open) expect(shownBy(mapping)).toEqual(shows);
          for (const { mapping } of open) mapping.unmap();
          held[Symbol.dispose]();
          expect([held.count, guest.mapped.length]).toEqual([0, 0]);
        },
      ),
      { numRuns: 300 },
    );
    expect(Math.min(seen.across, seen.within)).toBeGreaterThan(100);
  });

  test('where a piece cannot be mapped, or the domain dies meanwhile, nothing stays mapped', async () => {
    const gfns = Uint32Array.from({ length: 10 }, (_, i) => i);
    const guest = new Guest(new Set());
    let pieces = 0;
    const third = async (some: Uint32Array): Promise<Mapping> => {
      if (++pieces === 3) throw new BackendError('NO_MEMORY', 'no');
      return guest.map(some);
    };
    const bitmap = bitmapOf(gfns, NR_GFNS);
    await expect(holdPages(backend, DOMID, bitmap, NR_GFNS, third, 4)).rejects.toMatchObject({ code: 'NO_MEMORY' });
    expect([pieces, guest.mapped.length]).toEqual([3, 0]);
    let asked = 0;
    const dying = {
      ...backend,
      domain() {
        if (asked++ > 0) throw new BackendError('NO_SUCH_DOMAIN', 'gone');
        return { suspended: true };
      },
    };
    await expect(holdOf(guest, gfns, 4, dying)).rejects.toMatchObject({ code: 'NO_SUCH_DOMAIN' });
    expect(guest.mapped.length).toBe(0);
  });

  test('what does not fit is a RangeError, and nothing has been done then', () => {
    const gfns = Uint32Array.of(3, 5, 9);
    const slots = Uint32Array.of(0, 1, 0);
    const all = [gfns, slots, 2, gfns] as const;
    const errors = new Int32Array(3);
    const out = new Uint32Array(3);
    const pages = new Uint8Array(3 * PAGE_SIZE).fill(7);
    const bases = [new Uint8Array(2 * PAGE_SIZE), new Uint8Array(PAGE_SIZE)];
    expect(ops.heldSlots(...all, out, errors)).toEqual({ failed: 0, piece: -1 });
    expect(ops.heldSlots(gfns, slots, 2, Uint32Array.of(9, 4), out, errors)).toEqual({ failed: 1, piece: 1 });
    expect([[...out], [...errors]]).toEqual([
      [0, NOT_MAPPED, 0],
      [0, Errno.EINVAL, 0],
    ]);
    for (const call of [
      () => ops.heldSlots(gfns, slots.subarray(1), 2, gfns, out, errors),
      () => ops.heldSlots(gfns, slots, 0, gfns, out, errors),
      () => ops.heldSlots(...all, out.subarray(1), errors),
      () => ops.heldSlots(...all, out, errors.subarray(1)),
      () => ops.copyHeld(...all, bases, pages.subarray(1), out),
      () => ops.copyHeld(...all, bases, pages, out.subarray(1)),
      () => ops.copyHeld(...all, [bases[0], bases[1].subarray(1)], pages, out),
      () => ops.releaseHeld(...all, new Uint32Array(1)),
    ])
      expect(call).toThrow(OUT_OF_RANGE);
    expect(() => ops.copyHeld(...all, [bases[0]], pages, out)).toThrow(expect.objectContaining({ name: 'TypeError' }));
    expect(pages.every((byte) => byte === 7)).toBe(true);
    expect([...slots]).toEqual([0, 1, 0]);
  });
});
