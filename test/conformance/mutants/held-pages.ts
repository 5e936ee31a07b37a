import {
  BackendError,
  type Domain,
  Errno,
  type HeldPages,
  MAX_BATCH,
  type Mapping,
} from '../../../src/backends/backend.js';
import { contentsOf } from '../pages.js';
import { domains, held, type Mutant, memory, override } from './wrap.js';

/** Lets go of everything when the domain goes. */
function dieTogether(domain: Domain): Partial<Domain> {
  const all: HeldPages[] = [];
  return {
    memory: override(domain.memory, {
      async hold(bitmap, pages) {
        const held = await domain.memory.hold(bitmap, pages);
        all.push(held);
        return held;
      },
    }),
    async destroy() {
      for (const held of all) held[Symbol.dispose]();
      await domain.destroy();
    },
  };
}

/** A batch that nothing holds but the reference to it. */
function copyOf(good: Mapping): Mapping {
  const base = contentsOf(good);
  const slots = good.slots.map((_, index) => index);
  good.unmap();
  return override(good, { base, slots });
}

const idle = (): void => undefined;

/** A batch without an error, and without a page. */
const emptyBatch = (slots: Uint32Array): Mapping => ({
  ...{ base: new Uint8Array(0), slots, errors: new Int32Array(slots.length), failed: 0, unmap: idle },
  [Symbol.dispose]: idle,
});

const NOTHING: HeldPages = { count: 0, map: emptyBatch, release: idle, [Symbol.dispose]: idle };

export const HELD_MUTANTS: readonly Mutant[] = [
  {
    name: 'a hold() that goes with the domain',
    caughtBy: ['MUST 50'],
    mutate: domains(dieTogether),
  },
  {
    name: 'a hold() that looks at the whole bitmap',
    caughtBy: ['MUST 48: the gfns'],
    mutate: memory((good) => ({ hold: (bitmap) => good.hold(bitmap, 8 * bitmap.length) })),
  },
  {
    name: 'a hold() that leaves out the last page',
    caughtBy: ['MUST 50'],
    mutate: memory((good) => ({
      hold(bitmap, pages) {
        const fewer = bitmap.slice();
        const last = fewer.findLastIndex((byte) => byte !== 0);
        if (last >= 0) fewer[last] &= (1 << (31 - Math.clz32(fewer[last]))) - 1;
        return good.hold(fewer, pages);
      },
    })),
  },
  {
    name: 'a hold() that counts the holes',
    caughtBy: ['MUST 48: what was taken away'],
    mutate: memory((good) => ({
      async hold(bitmap, pages) {
        const held = await good.hold(bitmap, pages);
        let set = 0;
        for (let gfn = 0; gfn < pages; gfn++) set += (bitmap[gfn >> 3] >> (gfn & 7)) & 1;
        return override(held, { count: set });
      },
    })),
  },
  {
    name: 'a hold() of a domain that runs',
    caughtBy: ['MUST 49'],
    mutate: memory((good) => ({ hold: (bitmap, pages) => good.hold(bitmap, pages).catch(() => NOTHING) })),
  },
  {
    name: 'held pages mapped in ascending order',
    caughtBy: ['MUST 52: pages come in the order'],
    mutate: held((good) => ({ map: (gfns) => good.map(gfns.slice().sort()) })),
  },
  {
    name: 'held pages of which each is mapped once',
    caughtBy: ['MUST 52: pages come in the order'],
    mutate: held((good) => ({ map: (gfns) => good.map(Uint32Array.from(new Set(gfns))) })),
  },
  {
    name: 'a page that is not held and fails the batch',
    caughtBy: ['MUST 52: a page that is not held'],
    mutate: held((good) => ({
      map(gfns) {
        const mapping = good.map(gfns);
        if (mapping.failed === 0) return mapping;
        mapping.unmap();
        throw new BackendError('BAD_GFN', 'a page of the batch is not held', { errno: Errno.EINVAL });
      },
    })),
  },
  {
    name: 'pages that are not held, without an errno',
    caughtBy: ['MUST 52: a page that is not held', 'MUST 53: released pages'],
    mutate: held((good) => ({
      map(gfns) {
        const mapping = good.map(gfns);
        return override(mapping, { errors: mapping.errors.map(() => 0), failed: 0 });
      },
    })),
  },
  {
    name: 'batches of held pages that are cut to size',
    caughtBy: ['MUST 32: map() of held pages'],
    mutate: held((good) => ({ map: (gfns) => good.map(gfns.subarray(0, MAX_BATCH)) })),
  },
  {
    name: 'a release() that lets nothing go',
    caughtBy: ['MUST 51: once all are released', 'MUST 53: released pages'],
    mutate: held(() => ({ release: idle })),
  },
  {
    name: 'a release() that only hides the pages',
    caughtBy: ['MUST 51: once all are released'],
    mutate: held((good) => {
      const gone = new Set<number>();
      return {
        release(gfns) {
          for (const gfn of gfns) gone.add(gfn);
        },
        map: (gfns) => good.map(gfns.map((gfn) => (gone.has(gfn) ? 0xffff_fffe : gfn))),
      };
    }),
  },
  {
    name: 'a release() of all, whatever it is told',
    caughtBy: ['MUST 53: released pages'],
    mutate: held((good) => ({ release: () => good[Symbol.dispose]() })),
  },
  {
    name: 'a release() that blanks what is mapped',
    caughtBy: ['MUST 53: what was mapped before'],
    mutate: held((good) => {
      const mapped: Mapping[] = [];
      return {
        map(gfns) {
          const mapping = good.map(gfns);
          if (mapping.failed > 0) return mapping;
          mapped.push(copyOf(mapping));
          return mapped[mapped.length - 1];
        },
        release(gfns) {
          good.release(gfns);
          for (const { base } of mapped) base.fill(0);
        },
      };
    }),
  },
  {
    name: 'a disposal that lets nothing go',
    caughtBy: ['MUST 51: once it is disposed of', 'MUST 51: after disposal'],
    mutate: held(() => ({ [Symbol.dispose]: idle })),
  },
  {
    name: 'a disposal under the eyes of who looks',
    caughtBy: ['MUST 51: once it is disposed of'],
    mutate: held((good) => ({ map: (gfns) => (gfns.length === 1 ? copyOf(good.map(gfns)) : good.map(gfns)) })),
  },
  {
    name: 'held pages that outlive the backend',
    caughtBy: ['MUST 2: after close() map()'],
    mutate: held((good) => ({
      map(gfns) {
        try {
          return good.map(gfns);
        } catch (error) {
          if (error instanceof BackendError && error.code === 'CLOSED') return emptyBatch(gfns);
          throw error;
        }
      },
    })),
  },
];
