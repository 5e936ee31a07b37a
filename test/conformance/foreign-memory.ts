/** Mapping a guest's pages, and the types of its gfns. */
import assert from 'node:assert/strict';
import { type Domain, MAX_BATCH, NOT_MAPPED, PAGE_SIZE, PageType } from '../../src/backends/backend.js';
import { refuses } from './expect.js';
import { assertBlank, assertClean, assertDirty, bytesFor, countSet, fillPage, isSet, one, wordAt } from './pages.js';
import type { Topic } from './runner.js';

/** A gfn above all that was ever populated. */
const aboveAll = async (domain: Domain): Promise<number> => (await domain.info()).nrGfns + 5;

/** A batch round `gfn` is in the bitmap exactly where types() has it as a page. */
async function sameAsTypes(domain: Domain, bitmap: Uint8Array, gfn: number): Promise<void> {
  const first = Math.max(0, gfn - MAX_BATCH / 2);
  const gfns = Uint32Array.from({ length: MAX_BATCH }, (_, index) => first + index).filter(
    (each) => each < bitmap.length * 8,
  );
  const types = await domain.memory.types(gfns);
  gfns.forEach((each, index) => {
    assert.equal(isSet(bitmap, each), types[index] !== PageType.XTAB, `gfn ${each}, of type ${types[index]}`);
  });
}

export const foreignMemory: Topic = {
  name: 'foreign memory',
  register(check) {
    check('MUST 34: a read mapping shows what the guest wrote', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 0xabcd);
      using mapping = await domain.memory.map(pages, 'read');
      assert.equal(mapping.failed, 0);
      pages.forEach((gfn, index) => {
        assert.equal(wordAt(mapping, index), 0xabcd, `gfn ${gfn}`);
      });
    });

    check('MUST 34: a read mapping shows later guest writes too', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      using mapping = await domain.memory.map(pages, 'read');
      for (const value of [1, 2, 3]) {
        await guest.write(pages, value);
        pages.forEach((gfn, index) => {
          assert.equal(wordAt(mapping, index), value, `gfn ${gfn}`);
        });
      }
    });

    check('MUST 34: pages come in the order asked for, and each may come twice', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      const [a, b, c] = pages;
      for (const [gfn, value] of [
        [a, 11],
        [b, 22],
        [c, 33],
      ])
        await guest.write(one(gfn), value);
      using mapping = await domain.memory.map(Uint32Array.of(c, a, b, a), 'read');
      assert.deepEqual(
        [0, 1, 2, 3].map((index) => wordAt(mapping, index)),
        [33, 11, 22, 11],
      );
    });

    check('what is written through a write mapping is what the guest reads', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      {
        using mapping = await domain.memory.map(pages, 'write');
        pages.forEach((_, index) => {
          fillPage(mapping, index, index + 1);
        });
      }
      assert.deepEqual(
        await guest.read(pages),
        pages.map((_, index) => index + 1),
      );
      assert.deepEqual(
        await guest.sum(pages),
        pages.map((_, index) => 1024 * (index + 1)),
      );
    });

    check('MUST 30: a missing page has an errno of its own and never fails the batch', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 3);
      const hole = await aboveAll(domain);
      using mapping = await domain.memory.map(Uint32Array.of(pages[0], hole, pages[1]), 'read');
      assert.equal(mapping.failed, 1);
      assert.deepEqual([mapping.errors[0], mapping.errors[2]], [0, 0]);
      assert.ok(mapping.errors[1] !== 0, 'an errno for the hole');
      assert.equal(mapping.slots[1], NOT_MAPPED);
      assert.deepEqual([wordAt(mapping, 0), wordAt(mapping, 2)], [3, 3]);
    });

    check('MUST 30: a batch of nothing but holes maps, with an errno for each', [], async ({ start }) => {
      const { domain } = await start();
      const hole = await aboveAll(domain);
      using mapping = await domain.memory.map(Uint32Array.of(hole, hole + 1), 'write');
      assert.equal(mapping.failed, 2);
      assert.deepEqual([...mapping.slots], [NOT_MAPPED, NOT_MAPPED]);
    });

    check('mapped pages lie within `base`', [], async ({ start }) => {
      const { domain, pages } = await start();
      using mapping = await domain.memory.map(pages, 'read');
      for (const slot of mapping.slots) assert.ok((slot + 1) * PAGE_SIZE <= mapping.base.byteLength);
    });

    check('an empty batch is fine', [], async ({ start }) => {
      const { domain } = await start();
      using mapping = await domain.memory.map(new Uint32Array(0), 'read');
      assert.equal(mapping.failed, 0);
      assert.equal((await domain.memory.types(new Uint32Array(0))).length, 0);
    });

    check('MUST 31: a second unmap() does nothing', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 4);
      const [first, second] = [await domain.memory.map(pages, 'read'), await domain.memory.map(pages, 'read')];
      first.unmap();
      first.unmap();
      first[Symbol.dispose]();
      assert.equal(wordAt(second, 0), 4, 'the other mapping stands');
      second.unmap();
    });

    check(
      'MUST 31: a second unmap() does not let go of another mapping’s page',
      ['demandPaging'],
      async ({ start }) => {
        const { domain, pages } = await start();
        const gfn = one(pages[0]);
        const [first, second] = [await domain.memory.map(gfn, 'read'), await domain.memory.map(gfn, 'read')];
        await domain.pause();
        await domain.paging.enable(() => undefined);
        first.unmap();
        first.unmap();
        assert.notEqual((await domain.paging.evict(gfn))[0], 0, 'still mapped once');
        second.unmap();
        assert.equal((await domain.paging.evict(gfn))[0], 0, 'mapped no more');
      },
    );

    check('MUST 32: more than MAX_BATCH gfns is INVALID_ARGUMENT', [], async ({ start }) => {
      const { domain } = await start();
      const many = Uint32Array.from({ length: MAX_BATCH + 1 }, (_, index) => index);
      await refuses('INVALID_ARGUMENT', () => domain.memory.types(many));
      await refuses('INVALID_ARGUMENT', () => domain.memory.map(many, 'read'));
      await refuses('INVALID_ARGUMENT', () => domain.memory.populate(many));
      await refuses('INVALID_ARGUMENT', () => domain.memory.depopulate(many));
      assert.equal((await domain.memory.types(many.subarray(1))).length, MAX_BATCH, 'MAX_BATCH itself is allowed');
    });

    check('MUST 33: types() says XTAB for a hole', [], async ({ start }) => {
      const { domain, pages } = await start();
      const hole = await aboveAll(domain);
      const types = await domain.memory.types(Uint32Array.of(pages[0], hole));
      assert.deepEqual([...types], [PageType.NOTAB, PageType.XTAB]);
    });

    check('MUST 33: types() says XTAB for a page that was taken away', ['takePages'], async ({ start }) => {
      const { domain, pages } = await start();
      await domain.memory.depopulate(one(pages[0]));
      assert.equal((await domain.memory.types(one(pages[0])))[0], PageType.XTAB);
    });

    check('MUST 33: types() says XTAB for a page the guest gave away', ['balloon'], async ({ start }) => {
      const { domain, guest, pages } = await start();
      const gone = pages.subarray(0, 4);
      const before = (await domain.info()).populatedPages;
      await guest.balloonOut(gone);
      assert.deepEqual(
        [...(await domain.memory.types(gone))],
        [...gone].map(() => PageType.XTAB),
      );
      assert.equal((await domain.info()).populatedPages, before - gone.length);
    });

    check('MUST 1: taking pages of a running guest is answered, or refused as NOT_SUPPORTED', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 5);
      const refused = await domain.memory.depopulate(one(pages[0])).then(
        () => undefined,
        (error: { code?: string; remedy?: string }) => error,
      );
      if (!refused) return;
      assert.equal(refused.code, 'NOT_SUPPORTED');
      assert.ok(refused.remedy, 'refused without a remedy');
      assert.deepEqual(
        await guest.read(pages),
        pages.map(() => 5),
      );
    });

    check(
      'MUST 45: dropHoles() clears what lies above all pages, and no page of the guest’s',
      [],
      async ({ start }) => {
        const { domain, pages } = await start();
        const { nrGfns } = await domain.info();
        const bitmap = new Uint8Array(bytesFor(nrGfns + 100)).fill(0xff);
        const left = await domain.memory.dropHoles(bitmap, nrGfns + 100);
        assertClean(bitmap, Uint32Array.of(nrGfns, nrGfns + 99), 'above all that was ever populated');
        assertDirty(bitmap, pages, 'plain memory of the guest');
        assert.equal(left, countSet(bitmap, nrGfns + 100), 'what it resolves to');
      },
    );

    check('MUST 45: dropHoles() clears what has no page, and nothing else', ['takePages'], async ({ start }) => {
      const { domain, pages } = await start();
      const gone = pages.filter((_, index) => index % 3 === 0);
      await domain.memory.depopulate(gone);
      const { nrGfns } = await domain.info();
      const limit = nrGfns + 100;
      const bitmap = new Uint8Array(bytesFor(limit)).fill(0xff);
      const left = await domain.memory.dropHoles(bitmap, limit);
      assertClean(bitmap, gone, 'taken away');
      assertClean(bitmap, Uint32Array.of(nrGfns, limit - 1), 'above all that was ever populated');
      const there = pages.filter((gfn) => !gone.includes(gfn));
      assertDirty(bitmap, there, 'plain memory of the guest');
      assert.equal(left, countSet(bitmap, limit), 'what it resolves to');
      await sameAsTypes(domain, bitmap, gone[0]);
    });

    check('MUST 45: dropHoles() sets no bit, and leaves those beyond `pages`', ['takePages'], async ({ start }) => {
      const { domain, pages } = await start();
      const [gone, there] = pages;
      await domain.memory.depopulate(one(gone));
      const { nrGfns } = await domain.info();
      const bitmap = new Uint8Array(bytesFor(nrGfns));
      assert.equal(await domain.memory.dropHoles(bitmap, nrGfns), 0);
      assertBlank(bitmap, 'a bit was set');
      for (const gfn of [gone, there]) bitmap[gfn >> 3] |= 1 << (gfn & 7);
      const before = bitmap.slice();
      const short = Math.min(gone, there);
      assert.equal(await domain.memory.dropHoles(bitmap, short), 0);
      assert.deepEqual(bitmap, before, 'bits from `pages` on');
      assert.equal(await domain.memory.dropHoles(bitmap, nrGfns), 1);
      assertClean(bitmap, one(gone), 'taken away');
      assertDirty(bitmap, one(there), 'plain memory of the guest');
      assert.equal(await domain.memory.dropHoles(bitmap, 0), 0);
    });

    check('vital() lists populated gfns, ascending', [], async ({ start }) => {
      const { domain, pages } = await start();
      const vital = await domain.memory.vital();
      const { nrGfns } = await domain.info();
      vital.forEach((gfn, index) => {
        assert.ok(gfn < nrGfns && (index === 0 || gfn > vital[index - 1]), `vital gfn ${gfn}`);
        assert.ok(!pages.includes(gfn), `gfn ${gfn} is plain memory of the program`);
      });
      const types = await domain.memory.types(vital.subarray(0, MAX_BATCH));
      assert.ok(!types.includes(PageType.XTAB));
    });
  },
};
