import { BackendError, type DirtyStats, type LogDirty } from '../../../src/backends/backend.js';
import { bytesFor } from '../pages.js';
import { logDirty, type Mutant } from './wrap.js';

/** `peek` and `clean`, with what they answer changed. */
const answers = (good: LogDirty, change: (stats: DirtyStats) => DirtyStats): Partial<LogDirty> => ({
  peek: async (pages, bitmap) => change(await good.peek(pages, bitmap)),
  clean: async (pages, bitmap, final) => change(await good.clean(pages, bitmap, final)),
});

/** Wrong around the bits: switching, counters, errors, and the pause. */
export const MODE_MUTANTS: readonly Mutant[] = [
  {
    name: 'pages that are dirty after enable()',
    caughtBy: ['MUST 13'],
    mutate: logDirty((good) => {
      let fresh = false;
      return {
        async enable() {
          await good.enable();
          fresh = true;
        },
        async peek(pages, bitmap) {
          const stats = await good.peek(pages, bitmap);
          if (fresh) bitmap?.fill(0xff, 0, bytesFor(pages));
          return stats;
        },
      };
    }),
  },
  {
    name: 'counters reset by enable()',
    caughtBy: ['MUST 14'],
    mutate: logDirty((good) => ({
      async enable() {
        await good.enable();
        await good.clean(0);
      },
    })),
  },
  {
    name: 'counters reset by disable()',
    caughtBy: ['MUST 14', 'MUST 18'],
    mutate: logDirty((good) => ({
      async disable() {
        await good.disable();
        await good.clean(0);
      },
    })),
  },
  {
    name: 'a disable() that keeps the bitmap',
    caughtBy: ['MUST 18'],
    mutate: logDirty((good, domain) => {
      let kept: Uint8Array | undefined;
      return {
        async disable() {
          const { nrGfns } = await domain.info();
          kept = new Uint8Array(bytesFor(nrGfns));
          await good.peek(nrGfns, kept);
          await good.disable();
        },
        async peek(pages, bitmap) {
          const stats = await good.peek(pages, bitmap);
          if (kept && bitmap) bitmap.set(kept.subarray(0, bitmap.length));
          return stats;
        },
      };
    }),
  },
  {
    name: 'a second enable() that succeeds',
    caughtBy: ['MUST 15: a second'],
    mutate: logDirty((good) => ({
      async enable() {
        await good.enable().catch((error: unknown) => {
          if (!(error instanceof BackendError && error.code === 'INVALID_STATE')) throw error;
        });
      },
    })),
  },
  {
    name: 'operations that queue where Xen says EBUSY',
    caughtBy: ['MUST 16'],
    mutate: logDirty((good) => {
      let last: Promise<unknown> = Promise.resolve();
      const after = <T>(operation: () => Promise<T>): Promise<T> => {
        const turn = last.then(operation, operation);
        last = turn.catch(() => undefined);
        return turn;
      };
      return {
        enable: () => after(() => good.enable()),
        clean: (pages, bitmap, final) => after(() => good.clean(pages, bitmap, final)),
      };
    }),
  },
  {
    name: 'a disable() that minds being off',
    caughtBy: ['MUST 17'],
    mutate: logDirty((good) => {
      let on = false;
      return {
        async enable() {
          await good.enable();
          on = true;
        },
        async disable() {
          if (!on) throw new BackendError('INVALID_STATE', 'log-dirty is off');
          await good.disable();
          on = false;
        },
      };
    }),
  },
  {
    name: 'a peek() that minds being off',
    caughtBy: ['MUST 20'],
    mutate: logDirty((good) => {
      let on = false;
      return {
        async enable() {
          await good.enable();
          on = true;
        },
        async peek(pages, bitmap) {
          if (!on) throw new BackendError('INVALID_STATE', 'log-dirty is off');
          return good.peek(pages, bitmap);
        },
      };
    }),
  },
  {
    name: 'fault counts of the other paging mode',
    caughtBy: ['MUST 12'],
    mutate: logDirty((good, domain) => {
      const swap = async (stats: DirtyStats): Promise<DirtyStats> => {
        const { pagingMode } = await domain.info();
        return { ...stats, faultCount: pagingMode === 'hap' ? stats.dirtyCount : 0 };
      };
      return { peek: async (pages, bitmap) => swap(await good.peek(pages, bitmap)) };
    }),
  },
  {
    name: 'a dirtyCount of twice the pages',
    caughtBy: ['dirtyCount counts'],
    mutate: logDirty((good) => answers(good, (stats) => ({ ...stats, dirtyCount: stats.dirtyCount * 2 }))),
  },
  {
    name: 'a clean() whose pause shows',
    caughtBy: ['MUST 28'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap, final) {
        await domain.pause();
        try {
          return await good.clean(pages, bitmap, final);
        } finally {
          await domain.unpause();
        }
      },
    })),
  },
  {
    name: 'a clean() that unpauses',
    caughtBy: ['clean() of a paused domain'],
    mutate: logDirty((good, domain) => ({
      async clean(pages, bitmap, final) {
        const stats = await good.clean(pages, bitmap, final);
        if ((await domain.info()).paused) await domain.unpause();
        return stats;
      },
    })),
  },
];
