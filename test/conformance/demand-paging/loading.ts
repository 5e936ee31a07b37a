/** Faults, and pages brought back for them or ahead of them. */
import assert from 'node:assert/strict';
import { Errno, PAGE_SIZE, type PageFault } from '../../../src/backends/backend.js';
import { begun, notYet, soon } from '../expect.js';
import { one, pagesOf } from '../pages.js';
import type { Topic } from '../runner.js';
import { loadAll, paged, takeOut } from './paged.js';

export const loading: Topic = {
  name: 'demand paging: loading',
  register(check) {
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
  },
};
