/** Pages taken from a domain and brought back when it touches them. */
import assert from 'node:assert/strict';
import { type Domain, Errno, MAX_BATCH, PAGE_SIZE, type PageFault, PageType } from '../../src/backends/backend.js';
import { begun, notYet, refuses, soon } from './expect.js';
import { copyPages, one, pagesOf, peekWords } from './pages.js';
import type { Actor, Scene, Topic } from './runner.js';

/** The faults of a domain, in order, and a way to wait for one. */
class Faults {
  readonly all: PageFault[] = [];
  readonly #waiting: { match: (fault: PageFault) => boolean; found: (fault: PageFault) => void }[] = [];

  readonly listen = (fault: PageFault): void => {
    this.all.push(fault);
    for (const { match, found } of this.#waiting) if (match(fault)) found(fault);
  };

  /** The first fault of this gfn, past or to come. */
  on(gfn: number): Promise<PageFault> {
    const match = (fault: PageFault): boolean => fault.gfn === gfn;
    const seen = this.all.find(match);
    return seen ? Promise.resolve(seen) : this.#comes(match);
  }

  /** The next fault, whatever it is. */
  next(): Promise<PageFault> {
    return this.#comes(() => true);
  }

  #comes(match: (fault: PageFault) => boolean): Promise<PageFault> {
    return new Promise((found) => this.#waiting.push({ match, found }));
  }
}

interface Paged extends Actor {
  readonly faults: Faults;
}

/** A running domain of which `missing` (all the program's pages, if left out) are taken out. Their first words were `word`. */
async function paged(
  scene: Scene,
  word: number,
  choose = (pages: Uint32Array): Uint32Array => pages,
  vcpus = 1,
): Promise<Paged> {
  const actor = await scene.start({ vcpus });
  await actor.guest.write(actor.pages, word);
  const faults = new Faults();
  await actor.domain.paging.enable(faults.listen);
  await takeOut(actor.domain, choose(actor.pages));
  return { ...actor, faults };
}

/** Evicts pages of a running domain, under a pause. */
async function takeOut(domain: Domain, gfns: Uint32Array): Promise<void> {
  await domain.pause();
  assert.deepEqual(
    [...(await domain.paging.evict(gfns))],
    [...gfns].map(() => 0),
    'plain pages can be evicted',
  );
  await domain.unpause();
}

async function loadAll(domain: Domain, gfns: Uint32Array, word: number): Promise<Int32Array> {
  return domain.paging.load(gfns, pagesOf([...gfns].map(() => word)));
}

/** Evicts all but the vital pages, keeping copies; returns the copies. A page that is refused stays. */
async function evictAlmostAll(domain: Domain): Promise<Map<number, Uint8Array>> {
  const { nrGfns } = await domain.info();
  const vital = new Set(await domain.memory.vital());
  const copies = new Map<number, Uint8Array>();
  for (let start = 0; start < nrGfns; start += MAX_BATCH) {
    const batch = Uint32Array.from({ length: Math.min(MAX_BATCH, nrGfns - start) }, (_, i) => start + i);
    const types = await domain.memory.types(batch);
    const gfns = batch.filter((gfn, i) => !vital.has(gfn) && types[i] !== PageType.XTAB);
    const data = await copyPages(domain, gfns);
    const errors = await domain.paging.evict(gfns);
    gfns.forEach((gfn, i) => {
      if (errors[i] === 0) copies.set(gfn, data.slice(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
    });
  }
  return copies;
}

export const demandPaging: Topic = {
  name: 'demand paging',
  register(check) {
    check('an evicted page is missing: info(), types() and map() say so', ['demandPaging'], async (scene) => {
      const { domain, pages } = await paged(scene, 1, (all) => all.subarray(0, 4));
      assert.equal((await domain.info()).pagedPages, 4);
      assert.equal(
        (await domain.memory.types(one(pages[0])))[0],
        PageType.XTAB,
        'MUST 33 for a page that is paged out',
      );
      using mapping = await domain.memory.map(Uint32Array.of(pages[0], pages[5]), 'read');
      assert.equal(mapping.failed, 1);
      assert.ok(mapping.errors[0] !== 0);
    });

    check('MUST 33: types() says XTAB for a paged-out gfn, until it is loaded', ['demandPaging'], async (scene) => {
      const { domain, pages } = await paged(scene, 1, (all) => all.subarray(0, 1));
      const gfn = one(pages[0]);
      assert.equal((await domain.memory.types(gfn))[0], PageType.XTAB);
      await loadAll(domain, gfn, 2);
      assert.equal((await domain.memory.types(gfn))[0], PageType.NOTAB);
    });

    check('a guest that touches a missing page waits, and reads what was loaded', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      const gfn = one(pages[3]);
      const reading = begun(guest.read(gfn));
      const fault = await soon(scene, 'the fault', faults.on(gfn[0]));
      assert.deepEqual(fault, { gfn: gfn[0], vcpu: 0, kind: 'wait' });
      await notYet(scene, 'the read of a missing page', reading);
      assert.deepEqual([...(await loadAll(domain, gfn, 0xfeed))], [0]);
      assert.deepEqual([...(await soon(scene, 'the read', reading))], [0xfeed]);
      assert.equal(faults.all.filter((other) => other.gfn === gfn[0]).length, 1, 'one request, one call');
    });

    check(
      'a guest that writes a missing page waits too, and the rest of the page is what was loaded',
      ['demandPaging'],
      async (scene) => {
        const { domain, guest, pages, faults } = await paged(scene, 1);
        const gfn = one(pages[0]);
        const writing = begun(guest.write(gfn, 5));
        await soon(scene, 'the fault', faults.on(gfn[0]));
        await loadAll(domain, gfn, 1);
        await soon(scene, 'the write', writing);
        assert.deepEqual([...(await guest.sum(gfn))], [5 + 1023]);
      },
    );

    check('a page pushed unasked is loaded and makes no fault', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      assert.deepEqual(
        [...(await loadAll(domain, pages, 9))],
        [...pages].map(() => 0),
      );
      assert.equal((await domain.info()).pagedPages, 0);
      assert.deepEqual(
        await guest.read(pages),
        pages.map(() => 9),
      );
      assert.deepEqual(faults.all, []);
    });

    check(
      'MUST 39: load() wakes all who wait for a gfn, whoever asked first',
      ['demandPaging', 'chooseVcpu'],
      async (scene) => {
        const { domain, guest, pages, faults } = await paged(scene, 1, undefined, 2);
        const gfn = one(pages[0]);
        const readings = [begun(guest.read(gfn, 0)), begun(guest.read(gfn, 1))];
        await soon(scene, 'the fault', faults.on(gfn[0]));
        await scene.sleep(10);
        await loadAll(domain, gfn, 7);
        const words = await soon(scene, 'both reads', Promise.all(readings));
        assert.deepEqual(
          words.map(([word]) => word),
          [7, 7],
        );
      },
    );

    check('MUST 39: many faults one after the other are all answered', ['demandPaging'], async (scene) => {
      const actor = await scene.start();
      await actor.domain.pause();
      // More faults than a ring has slots, each answered by hand.
      const errors: number[] = [];
      const answer = async ({ gfn }: PageFault): Promise<void> => {
        errors.push((await loadAll(actor.domain, one(gfn), gfn))[0]);
      };
      await actor.domain.paging.enable((fault) => void answer(fault));
      await actor.domain.paging.evict(actor.pages);
      await actor.domain.unpause();
      assert.deepEqual(await soon(scene, 'every read', actor.guest.read(actor.pages)), actor.pages);
      assert.ok(errors.length > 0 && errors.every((errno) => errno === 0 || errno === Errno.ENOENT));
    });

    check('MUST 40: a mapped page is EBUSY and untouched', ['demandPaging'], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 8);
      await domain.pause();
      await domain.paging.enable(() => undefined);
      using mapping = await domain.memory.map(one(pages[1]), 'read');
      assert.equal(mapping.failed, 0);
      const errors = await domain.paging.evict(pages.subarray(0, 3));
      assert.deepEqual([...errors], [0, Errno.EBUSY, 0]);
      assert.equal((await domain.info()).pagedPages, 2);
      assert.deepEqual([...(await peekWords(domain, one(pages[1])))], [8]);
      assert.equal((await domain.memory.types(one(pages[1])))[0], PageType.NOTAB);
    });

    check('MUST 40: a gfn without a page is ENOENT', ['demandPaging'], async ({ start }) => {
      const { domain, pages } = await start();
      await domain.pause();
      await domain.paging.enable(() => undefined);
      const hole = (await domain.info()).nrGfns + 1;
      assert.deepEqual([...(await domain.paging.evict(Uint32Array.of(hole, pages[0])))], [Errno.ENOENT, 0]);
      assert.equal((await domain.info()).pagedPages, 1);
    });

    check(
      'MUST 41: a page is applied once; the second load() is ENOENT and changes nothing',
      ['demandPaging'],
      async (scene) => {
        const { domain, guest, pages } = await paged(scene, 1, (all) => all.subarray(0, 2));
        const gfn = one(pages[0]);
        assert.deepEqual([...(await loadAll(domain, gfn, 3))], [0]);
        assert.deepEqual([...(await loadAll(domain, pages.subarray(0, 2), 4))], [Errno.ENOENT, 0]);
        assert.deepEqual([...(await guest.read(pages.subarray(0, 2)))], [3, 4]);
        await guest.write(gfn, 5);
        assert.deepEqual([...(await loadAll(domain, gfn, 6))], [Errno.ENOENT]);
        assert.deepEqual([...(await guest.read(gfn))], [5], 'a late page does not overwrite the guest’s own write');
      },
    );

    check('MUST 41: of two loads of one page at the same time, one is applied', ['demandPaging'], async (scene) => {
      const { domain, guest, pages } = await paged(scene, 1, (all) => all.subarray(0, 1));
      const gfn = one(pages[0]);
      const errors = (await Promise.all([loadAll(domain, gfn, 3), loadAll(domain, gfn, 4)])).map(([errno]) => errno);
      assert.deepEqual(
        [...errors].sort((a, b) => a - b),
        [0, Errno.ENOENT],
      );
      assert.deepEqual([...(await guest.read(gfn))], [errors[0] === 0 ? 3 : 4]);
    });

    check('MUST 42: a page is whole before the guest sees it', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      for (const gfn of pages.subarray(0, 16)) {
        const summing = begun(guest.sum(one(gfn)));
        await soon(scene, 'the fault', faults.on(gfn));
        await loadAll(domain, one(gfn), gfn);
        assert.deepEqual([...(await soon(scene, 'the sum', summing))], [(gfn * 1024) >>> 0], `gfn ${gfn}`);
      }
    });

    check('MUST 42: pages pushed under a guest that walks over them are whole', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      for (let round = 1; round <= 12; round++) {
        const fault = faults.next();
        const summing = begun(guest.sum(pages));
        await soon(scene, 'the first fault', fault);
        const data = pagesOf([...pages].map(() => round));
        const half = pages.length >> 1;
        // The first half sends the guest on its way, into the second as that comes: sooner or later, to meet it once.
        await domain.paging.load(pages.subarray(0, half), data.subarray(0, half * PAGE_SIZE));
        for (let turns = 0; turns < 50 * round; turns++) await domain.info();
        await domain.paging.load(pages.subarray(half), data.subarray(half * PAGE_SIZE));
        assert.deepEqual(
          await soon(scene, 'every sum', summing),
          pages.map(() => round * 1024),
          `round ${round}`,
        );
        await takeOut(domain, pages);
      }
    });

    check('MUST 43: disable() while pages are missing is BUSY', ['demandPaging'], async (scene) => {
      const { domain, guest, pages } = await paged(scene, 1, (all) => all.subarray(0, 1));
      await refuses('BUSY', () => domain.paging.disable());
      await loadAll(domain, one(pages[0]), 2);
      await domain.paging.disable();
      assert.deepEqual([...(await guest.read(one(pages[0])))], [2]);
    });

    check('disable() succeeds when paging was never enabled', ['demandPaging'], async ({ start }) => {
      const { domain } = await start();
      await domain.paging.disable();
    });

    check(
      'a missing page the guest gives away is `dropped`, and never loaded',
      ['demandPaging', 'balloon'],
      async (scene) => {
        const { domain, guest, pages, faults } = await paged(scene, 1, (all) => all.subarray(0, 1));
        const gfn = one(pages[0]);
        await guest.balloonOut(gfn);
        assert.equal((await soon(scene, 'the notice', faults.on(gfn[0]))).kind, 'dropped');
        assert.equal((await domain.info()).pagedPages, 0);
        assert.deepEqual([...(await loadAll(domain, gfn, 2))], [Errno.ENOENT]);
        assert.equal((await domain.memory.types(gfn))[0], PageType.XTAB);
        await domain.paging.disable();
      },
    );

    check('pause() and unpause() work while a vCPU waits for a page', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      const gfn = one(pages[0]);
      const reading = begun(guest.read(gfn));
      await soon(scene, 'the fault', faults.on(gfn[0]));
      await soon(scene, 'pause()', domain.pause());
      await loadAll(domain, gfn, 2);
      await notYet(scene, 'the read of a paused guest', reading);
      await domain.unpause();
      assert.deepEqual([...(await soon(scene, 'the read', reading))], [2]);
    });

    check('destroy() works while a vCPU waits for a page', ['demandPaging'], async (scene) => {
      const { domain, guest, pages, faults } = await paged(scene, 1);
      begun(guest.read(one(pages[0])));
      await soon(scene, 'the fault', faults.on(pages[0]));
      await soon(scene, 'destroy()', domain.destroy());
      await refuses('NO_SUCH_DOMAIN', () => scene.backend.domain(domain.domid));
    });

    check('a domain of which nothing but the vital pages is there runs on demand', ['demandPaging'], async (scene) => {
      const { domain, guest, pages } = await scene.start();
      await guest.write(pages, 0xd00d);
      await domain.pause();
      let copies = new Map<number, Uint8Array>();
      let answered = 0;
      await domain.paging.enable(({ gfn }) => {
        const copy = copies.get(gfn);
        answered++;
        if (copy) void domain.paging.load(one(gfn), copy);
      });
      copies = await evictAlmostAll(domain);
      assert.ok(copies.size >= pages.length);
      await domain.unpause();
      assert.deepEqual(
        await soon(scene, 'every read', guest.read(pages)),
        pages.map(() => 0xd00d),
      );
      assert.ok(answered >= pages.length, `${answered} faults`);
    });
  },
};
