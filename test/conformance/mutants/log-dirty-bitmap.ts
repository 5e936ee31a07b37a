import { bytesFor } from '../pages.js';
import { logDirty, type Mutant } from './wrap.js';

/** Clears the highest set bit, if there is one. */
function loseOne(bitmap: Uint8Array | undefined): void {
  const at = bitmap?.findLastIndex((byte) => byte !== 0) ?? -1;
  if (bitmap && at >= 0) bitmap[at] &= bitmap[at] - 1;
}

/** A counter of the mutant's own, for what goes wrong now and then. */
const everyNth = (n: number): (() => boolean) => {
  let count = 0;
  return () => ++count % n === 0;
};

/** Wrong bits: what a bitmap tells, and what a CLEAN clears. */
export const BITMAP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a lost dirty bit',
    caughtBy: ['MUST 21', 'MUST 29'],
    mutate: logDirty((good) => ({
      async clean(pages, bitmap, final) {
        const stats = await good.clean(pages, bitmap, final);
        loseOne(bitmap);
        return stats;
      },
    })),
  },
  {
    name: 'a dirty bit lost now and then',
    caughtBy: ['MUST 21: no write is lost'],
    mutate: logDirty((good) => {
      const due = everyNth(7);
      return {
        async clean(pages, bitmap, final) {
          const stats = await good.clean(pages, bitmap, final);
          if (due()) loseOne(bitmap);
          return stats;
        },
      };
    }),
  },
  {
    name: 'a clean() that reads first and clears later',
    caughtBy: ['MUST 21: no write is lost'],
    mutate: logDirty((good) => ({
      async clean(pages, bitmap, final) {
        const stats = await good.peek(pages, bitmap);
        await good.clean(pages, undefined, final);
        return stats;
      },
    })),
  },
  {
    name: 'a bitmap not cleared by clean()',
    caughtBy: ['MUST 22', 'clean() returns the bitmap'],
    mutate: logDirty((good) => ({ clean: (pages, bitmap) => good.peek(pages, bitmap) })),
  },
  {
    name: 'a bitmap cleared by peek()',
    caughtBy: ['MUST 19'],
    mutate: logDirty((good) => ({ peek: (pages, bitmap) => good.clean(pages, bitmap) })),
  },
  {
    name: 'a clean() that needs a bitmap to clear',
    caughtBy: ['MUST 23'],
    mutate: logDirty((good) => ({
      clean: (pages, bitmap, final) => (bitmap ? good.clean(pages, bitmap, final) : good.peek(pages)),
    })),
  },
  {
    name: 'a clean() of no pages that clears them all',
    caughtBy: ['MUST 24'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap, final) {
        if (pages > 0) return good.clean(pages, bitmap, final);
        return { ...(await good.clean((await domain.info()).nrGfns)), pages };
      },
    })),
  },
  {
    name: 'a short clean() that clears later leaves too',
    caughtBy: ['MUST 25: a short clean() keeps later leaves'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap) {
        const stats = await good.peek(pages, bitmap);
        await good.clean((await domain.info()).nrGfns);
        return stats;
      },
    })),
  },
  {
    name: 'a short clean() that leaves the counters',
    caughtBy: ['MUST 25: a short clean() clears the leaf'],
    mutate: logDirty((good) => {
      let stale = 0;
      return {
        async clean(pages, bitmap, final) {
          const stats = await good.clean(pages, bitmap, final);
          stale = pages === 8 ? stats.dirtyCount : 0;
          return stats;
        },
        async peek(pages, bitmap) {
          const stats = await good.peek(pages, bitmap);
          return { ...stats, dirtyCount: stats.dirtyCount + stale };
        },
      };
    }),
  },
  {
    name: 'a clean() that clears before it looks at its buffer',
    caughtBy: ['MUST 27'],
    mutate: logDirty((good) => ({
      async clean(pages, bitmap, final) {
        if (bitmap && bitmap.length < bytesFor(pages)) await good.clean(pages);
        return good.clean(pages, bitmap, final);
      },
    })),
  },
  {
    name: 'a short buffer that is filled as far as it goes',
    caughtBy: ['MUST 27'],
    mutate: logDirty((good) => ({
      clean: (pages, bitmap, final) => good.clean(Math.min(pages, (bitmap?.length ?? pages) * 8), bitmap, final),
    })),
  },
  {
    name: 'a bitmap written beyond its bytes',
    caughtBy: ['MUST 26: exactly'],
    mutate: logDirty((good) => ({
      async clean(pages, bitmap, final) {
        bitmap?.fill(0);
        return good.clean(pages, bitmap, final);
      },
    })),
  },
  {
    name: 'bits past the highest gfn that are left as they were',
    caughtBy: ['MUST 26: bits past'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap, final) {
        const { nrGfns } = await domain.info();
        return { ...(await good.clean(Math.min(pages, nrGfns), bitmap, final)), pages };
      },
    })),
  },
  {
    name: 'a `pages` clamped to the domain',
    caughtBy: ['MUST 11'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap, final) {
        const { nrGfns } = await domain.info();
        return { ...(await good.clean(pages, bitmap, final)), pages: Math.min(pages, nrGfns) };
      },
    })),
  },
];
