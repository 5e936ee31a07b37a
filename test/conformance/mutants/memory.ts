import { BackendError, type Domain, type Mapping, PAGE_SIZE, PageType } from '../../../src/backends/backend.js';
import { bytesFor, countSet, one } from '../pages.js';
import { domains, type Mutant, memory, override } from './wrap.js';

/** A mapping that shows the pages as they were when it was made. */
function frozen(good: Mapping): Mapping {
  const base = new Uint8Array(good.slots.length * PAGE_SIZE);
  const slots = good.slots.map((slot, index) => {
    if (good.errors[index] !== 0) return slot;
    base.set(good.base.subarray(slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE), index * PAGE_SIZE);
    return index;
  });
  return override(good, { base, slots });
}

/** Dirties what is mapped for writing, as a PV domain's own dom0 code has to by hand. */
function dirtyOnWrite(domain: Domain): Partial<Domain> {
  const written = new Set<number>();
  return {
    memory: override(domain.memory, {
      async map(gfns, access) {
        if (access === 'write') for (const gfn of gfns) written.add(gfn);
        return domain.memory.map(gfns, access);
      },
    }),
    logDirty: override(domain.logDirty, {
      async clean(pages, bitmap, final) {
        const stats = await domain.logDirty.clean(pages, bitmap, final);
        for (const gfn of written) if (bitmap && gfn >> 3 < bytesFor(pages)) bitmap[gfn >> 3] |= 1 << (gfn & 7);
        written.clear();
        return stats;
      },
    }),
  };
}

export const MEMORY_MUTANTS: readonly Mutant[] = [
  {
    name: 'a mapping that is a copy',
    caughtBy: ['MUST 34: a read mapping shows later'],
    mutate: memory((good) => ({
      map: async (gfns, access) => {
        const mapping = await good.map(gfns, access);
        return access === 'read' ? frozen(mapping) : mapping;
      },
    })),
  },
  {
    name: 'a stale page now and then: what was mapped last is shown again',
    caughtBy: ['MUST 21: no write is lost'],
    mutate: memory((good) => {
      let last: Mapping | undefined;
      let count = 0;
      return {
        async map(gfns, access) {
          const mapping = await good.map(gfns, access);
          if (access === 'write') return mapping;
          const shown = last && ++count % 5 === 0 && last.slots.length === mapping.slots.length ? last : mapping;
          last = frozen(mapping);
          return shown;
        },
      };
    }),
  },
  {
    name: 'pages mapped in ascending order',
    caughtBy: ['MUST 34: pages come in the order'],
    mutate: memory((good) => ({ map: (gfns, access) => good.map(gfns.slice().sort(), access) })),
  },
  {
    name: 'a hole that fails the batch',
    caughtBy: ['MUST 30'],
    mutate: memory((good) => ({
      async map(gfns, access) {
        const mapping = await good.map(gfns, access);
        if (mapping.failed === 0) return mapping;
        mapping.unmap();
        throw new BackendError('BAD_GFN', 'a page of the batch is not there');
      },
    })),
  },
  {
    name: 'per-page errors thrown away',
    caughtBy: ['MUST 30'],
    mutate: memory((good) => ({
      async map(gfns, access) {
        const mapping = await good.map(gfns, access);
        return override(mapping, { errors: mapping.errors.map(() => 0), failed: 0 });
      },
    })),
  },
  {
    name: 'an unmap() that counts every call',
    caughtBy: ['MUST 31: a second unmap() does not let go'],
    mutate: memory((good) => {
      const live: Mapping[] = [];
      return {
        async map(gfns, access) {
          const mapping = await good.map(gfns, access);
          live.push(mapping);
          const unmap = (): void => live.shift()?.unmap();
          return override(mapping, { unmap, [Symbol.dispose]: unmap });
        },
      };
    }),
  },
  {
    name: 'an unmap() that throws the second time',
    caughtBy: ['MUST 31: a second unmap() does nothing'],
    mutate: memory((good) => ({
      async map(gfns, access) {
        const mapping = await good.map(gfns, access);
        let gone = false;
        const unmap = (): void => {
          if (gone) throw new BackendError('INVALID_STATE', 'not mapped');
          gone = true;
          mapping.unmap();
        };
        return override(mapping, { unmap, [Symbol.dispose]: unmap });
      },
    })),
  },
  {
    name: 'batches without a limit',
    caughtBy: ['MUST 32'],
    mutate: memory((good) => ({
      async types(gfns) {
        const [head, tail] = [gfns.subarray(0, 1024), gfns.subarray(1024)];
        return Uint8Array.of(...(await good.types(head)), ...(await good.types(tail)));
      },
    })),
  },
  {
    name: 'holes that pass for RAM',
    caughtBy: ['MUST 33'],
    mutate: memory((good) => ({
      types: async (gfns) => (await good.types(gfns)).map((type) => (type === PageType.XTAB ? PageType.NOTAB : type)),
    })),
  },
  {
    name: 'a dropHoles() that drops nothing',
    caughtBy: ['MUST 45: dropHoles() clears'],
    mutate: memory(() => ({ dropHoles: async (bitmap, pages) => countSet(bitmap, pages) })),
  },
  {
    name: 'a dropHoles() that drops a page',
    caughtBy: ['MUST 45: dropHoles() clears'],
    mutate: memory((good) => ({
      async dropHoles(bitmap, pages) {
        const left = await good.dropHoles(bitmap, pages);
        const last = bitmap.findLastIndex((byte) => byte !== 0);
        if (last < 0) return left;
        bitmap[last] &= bitmap[last] - 1;
        return left - 1;
      },
    })),
  },
  {
    name: 'a dropHoles() that counts the holes',
    caughtBy: ['MUST 45: dropHoles() clears'],
    mutate: memory((good) => ({
      async dropHoles(bitmap, pages) {
        const before = countSet(bitmap, pages);
        return before - (await good.dropHoles(bitmap, pages));
      },
    })),
  },
  {
    name: 'a dropHoles() that tells every page there is',
    caughtBy: ['MUST 45: dropHoles() sets no bit'],
    mutate: memory((good) => ({
      dropHoles: (bitmap, pages) => good.dropHoles(bitmap.fill(0xff, 0, bytesFor(pages)), pages),
    })),
  },
  {
    name: 'a dropHoles() that looks at the whole bitmap',
    caughtBy: ['MUST 45: dropHoles() sets no bit'],
    mutate: memory((good) => ({ dropHoles: (bitmap) => good.dropHoles(bitmap, 8 * bitmap.length) })),
  },
  {
    name: 'a populate() that stops half-way',
    caughtBy: ['MUST 35'],
    mutate: memory((good) => ({
      async populate(gfns, types) {
        for (let i = 0; i < gfns.length; i++) await good.populate(one(gfns[i]), types?.subarray(i, i + 1));
      },
    })),
  },
  {
    name: 'a populate() that wipes pages that are there',
    caughtBy: ['populate() leaves pages'],
    mutate: memory((good) => ({
      async populate(gfns, types) {
        await good.depopulate(gfns);
        await good.populate(gfns, types);
      },
    })),
  },
  {
    name: 'a populate() that ignores types',
    caughtBy: ['populate() skips'],
    mutate: memory((good) => ({ populate: (gfns) => good.populate(gfns) })),
  },
  {
    name: 'a depopulate() that does nothing',
    caughtBy: ['depopulate()', 'MUST 33'],
    mutate: memory(() => ({ depopulate: async () => undefined })),
  },
  {
    name: 'writes through a mapping that are logged',
    caughtBy: ['MUST 29: writes through'],
    mutate: domains(dirtyOnWrite),
  },
];
