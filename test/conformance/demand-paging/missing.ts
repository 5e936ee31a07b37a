/** Pages taken out, and a domain that lives without them. */
import assert from 'node:assert/strict';
import { Errno, PageType } from '../../../src/backends/backend.js';
import { begun, notYet, refuses, soon } from '../expect.js';
import { one, peekWords } from '../pages.js';
import type { Topic } from '../runner.js';
import { evictAlmostAll, loadAll, paged } from './paged.js';

export const missing: Topic = {
  name: 'demand paging: missing pages',
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
      ['demandPaging', 'balloon', 'dropMissing'],
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
