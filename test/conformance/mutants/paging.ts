import { BackendError, Errno, PAGE_SIZE } from '../../../src/backends/backend.js';
import { fillPage, one } from '../pages.js';
import { type Mutant, paging } from './wrap.js';

export const PAGING_MUTANTS: readonly Mutant[] = [
  {
    name: 'a swallowed fault',
    caughtBy: ['MUST 39: many faults', 'a domain of which nothing but the vital pages'],
    mutate: paging((good) => ({
      enable(onFault) {
        let count = 0;
        return good.enable((fault) => {
          if (++count % 5 !== 0) onFault(fault);
        });
      },
    })),
  },
  {
    name: 'a fault told twice',
    caughtBy: ['a guest that touches a missing page'],
    mutate: paging((good) => ({
      enable: (onFault) =>
        good.enable((fault) => {
          onFault(fault);
          onFault(fault);
        }),
    })),
  },
  {
    name: 'a load applied twice',
    caughtBy: ['MUST 41: a page is applied once'],
    mutate: paging((good, domain) => ({
      async load(gfns, data) {
        const errors = await good.load(gfns, data);
        using mapping = await domain.memory.map(gfns, 'write');
        errors.forEach((errno, index) => {
          if (errno !== Errno.ENOENT || mapping.errors[index] !== 0) return;
          mapping.base.set(data.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE), mapping.slots[index] * PAGE_SIZE);
        });
        return errors;
      },
    })),
  },
  {
    name: 'a late load that passes for success',
    caughtBy: ['MUST 41'],
    mutate: paging((good) => ({ load: async (gfns, data) => (await good.load(gfns, data)).fill(0) })),
  },
  {
    name: 'a page seen before it is whole',
    caughtBy: ['MUST 42'],
    mutate: paging((good, domain) => ({
      async load(gfns, data) {
        const errors = await good.load(gfns, new Uint8Array(data.length));
        // The rest of the page comes when the guest has it already.
        for (let turns = 0; turns < 3; turns++) await domain.info();
        using mapping = await domain.memory.map(gfns, 'write');
        errors.forEach((errno, index) => {
          if (errno !== 0 || mapping.errors[index] !== 0) return;
          mapping.base.set(data.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE), mapping.slots[index] * PAGE_SIZE);
        });
        return errors;
      },
    })),
  },
  {
    name: 'an evict() of a mapped page that says it did',
    caughtBy: ['MUST 40: a mapped page'],
    mutate: paging((good) => ({
      evict: async (gfns) => (await good.evict(gfns)).map((errno) => (errno === Errno.EBUSY ? 0 : errno)),
    })),
  },
  {
    name: 'a refused page that is wiped',
    caughtBy: ['MUST 40: a mapped page'],
    mutate: paging((good, domain) => ({
      async evict(gfns) {
        const errors = await good.evict(gfns);
        for (const gfn of gfns.filter((_, index) => errors[index] === Errno.EBUSY)) {
          using mapping = await domain.memory.map(one(gfn), 'write');
          fillPage(mapping, 0, 0);
        }
        return errors;
      },
    })),
  },
  {
    name: 'holes that can be evicted',
    caughtBy: ['MUST 40: a gfn without a page'],
    mutate: paging((good) => ({
      evict: async (gfns) => (await good.evict(gfns)).map((errno) => (errno === Errno.ENOENT ? 0 : errno)),
    })),
  },
  {
    name: 'a ring closed while pages are missing',
    caughtBy: ['MUST 43'],
    mutate: paging((good) => ({
      async disable() {
        await good.disable().catch((error: unknown) => {
          if (!(error instanceof BackendError && error.code === 'BUSY')) throw error;
        });
      },
    })),
  },
];
