/** Pages that are held, before and after the domain is destroyed. */
import assert from 'node:assert/strict';
import {
  BackendError,
  type BackendErrorCode,
  type Domain,
  Errno,
  type HeldPages,
  MAX_BATCH,
  type Mapping,
} from '../../src/backends/backend.js';
import { refuses } from './expect.js';
import { bitmapOf, contentsOf, copyPages, one, wordAt } from './pages.js';
import type { Actor, Scene, Topic } from './runner.js';

/** A suspended domain, of whose pages every third holds 1, the next 2 and the others 3. */
async function suspended({ start }: Scene): Promise<Actor> {
  const actor = await start();
  const { domain, guest, pages } = actor;
  for (const rest of [0, 1, 2])
    await guest.write(
      pages.filter((_, index) => index % 3 === rest),
      rest + 1,
    );
  await domain.suspend();
  return actor;
}

const hold = async ({ memory }: Domain, gfns: Uint32Array): Promise<HeldPages> => {
  const pages = Math.max(...gfns) + 1;
  return memory.hold(bitmapOf(gfns, pages), pages);
};

const assertWords = (mapping: Mapping, words: readonly number[]): void =>
  assert.deepEqual(
    words.map((_, index) => wordAt(mapping, index)),
    words,
  );

const wordsOf = (pages: Uint32Array): number[] => Array.from(pages, (_, index) => (index % 3) + 1);

function throws(code: BackendErrorCode, call: () => unknown): void {
  assert.throws(call, (error) => error instanceof BackendError && error.code === code, `not ${code}`);
}

async function evicted({ paging }: Domain, gfns: Uint32Array): Promise<number[]> {
  return [...(await paging.evict(gfns))];
}

export const heldPages: Topic = {
  name: 'held pages',
  register(check) {
    check('MUST 50: held pages show what the guest left in them, after destroy() too', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      const left = await copyPages(domain, pages);
      using held = await hold(domain, pages);
      assert.equal(held.count, pages.length);
      for (const when of ['before destroy()', 'after it']) {
        using mapping = held.map(pages);
        assert.equal(mapping.failed, 0, when);
        assertWords(mapping, wordsOf(pages));
        assert.ok(Buffer.compare(contentsOf(mapping), left) === 0, `${when}: other contents`);
        if (when === 'before destroy()') await domain.destroy();
      }
    });

    check('MUST 48: the gfns that are set, below `pages`, and have a page are held', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      const { nrGfns } = await domain.info();
      const limit = nrGfns + 100;
      const [first, second, third] = pages;
      const bitmap = bitmapOf(Uint32Array.of(first, third, nrGfns, limit - 1), limit);
      const before = bitmap.slice();
      using some = await domain.memory.hold(bitmap, limit);
      using fewer = await domain.memory.hold(bitmap, third);
      using none = await domain.memory.hold(new Uint8Array(bitmap.length), limit);
      assert.deepEqual([some.count, fewer.count, none.count], [2, 1, 0]);
      assert.deepEqual(bitmap, before, 'the bitmap is changed');
      using mapping = some.map(Uint32Array.of(first, second, third, nrGfns));
      assert.deepEqual([...mapping.errors], [0, Errno.EINVAL, 0, Errno.EINVAL]);
      using half = fewer.map(Uint32Array.of(first, third));
      assert.deepEqual([...half.errors], [0, Errno.EINVAL]);
    });

    check('MUST 48: what was taken away is not held', ['takePages'], async (scene) => {
      const { domain, pages } = await scene.start();
      const [gone, there] = pages;
      await domain.memory.depopulate(one(gone));
      await domain.suspend();
      using held = await hold(domain, Uint32Array.of(gone, there));
      using mapping = held.map(Uint32Array.of(gone, there));
      assert.equal(held.count, 1);
      assert.deepEqual([...mapping.errors], [Errno.EINVAL, 0]);
    });

    check('MUST 49: hold() is INVALID_STATE unless the domain is suspended', [], async ({ start }) => {
      const { domain, pages } = await start();
      await refuses('INVALID_STATE', () => hold(domain, pages));
      await domain.pause();
      await refuses('INVALID_STATE', () => hold(domain, pages));
      await domain.unpause();
    });

    check('MUST 52: pages come in the order asked for, each as often as it is asked for', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      using held = await hold(domain, pages);
      await domain.destroy();
      const last = pages.length - 1;
      using mapping = held.map(Uint32Array.of(pages[last], pages[1], pages[0], pages[last], pages[1]));
      const words = wordsOf(pages);
      assertWords(mapping, [words[last], 2, 1, words[last], 2]);
    });

    check('MUST 52: a page that is not held has an errno of its own and never fails the batch', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      const [first, second, third] = pages;
      using held = await hold(domain, Uint32Array.of(first, third));
      await domain.destroy();
      using mapping = held.map(Uint32Array.of(first, second, third, 0xffff_fffe));
      assert.equal(mapping.failed, 2);
      assert.deepEqual([...mapping.errors], [0, Errno.EINVAL, 0, Errno.EINVAL]);
      assert.deepEqual([wordAt(mapping, 0), wordAt(mapping, 2)], [1, 3]);
      using nothing = held.map(one(second));
      assert.deepEqual([nothing.failed, ...nothing.errors], [1, Errno.EINVAL]);
      using empty = held.map(new Uint32Array(0));
      assert.equal(empty.failed, 0);
    });

    check('MUST 32: map() of held pages takes no more than MAX_BATCH', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      using held = await hold(domain, pages);
      const many = new Uint32Array(MAX_BATCH + 1).fill(pages[0]);
      throws('INVALID_ARGUMENT', () => held.map(many));
      using mapping = held.map(many.subarray(1));
      assert.equal(mapping.failed, 0);
    });

    check('MUST 53: released pages are held no longer, and all others are', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      const gone = pages.filter((_, index) => index % 3 === 1);
      const stays = pages.filter((_, index) => index % 3 !== 1);
      using held = await hold(domain, pages);
      await domain.destroy();
      for (const _ of ['once', 'again']) {
        held.release(gone);
        held.release(Uint32Array.of(0xffff_fffe));
        held.release(new Uint32Array(0));
        assert.equal(held.count, stays.length);
        using mapping = held.map(pages);
        assert.deepEqual(
          [...mapping.errors],
          [...pages].map((_, index) => (index % 3 === 1 ? Errno.EINVAL : 0)),
        );
        using rest = held.map(stays);
        assertWords(
          rest,
          wordsOf(pages).filter((word) => word !== 2),
        );
      }
    });

    check('MUST 53: what was mapped before shows the same until it is unmapped', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      using held = await hold(domain, pages);
      using mapping = held.map(pages);
      using single = held.map(one(pages[1]));
      await domain.destroy();
      held.release(pages.filter((_, index) => index % 2 === 0));
      assertWords(mapping, wordsOf(pages));
      held.release(pages);
      assertWords(mapping, wordsOf(pages));
      held[Symbol.dispose]();
      assertWords(mapping, wordsOf(pages));
      mapping.unmap();
      mapping.unmap();
      assertWords(single, [2]);
    });

    check('MUST 51: once all are released, nothing of it keeps a page', ['demandPaging'], async (scene) => {
      const { domain, pages } = await suspended(scene);
      await domain.pause();
      await domain.paging.enable(() => undefined);
      using held = await hold(domain, pages);
      assert.ok((await evicted(domain, pages)).every((errno) => errno === Errno.EBUSY));
      held.release(pages.subarray(1));
      assert.deepEqual(await evicted(domain, one(pages[0])), [Errno.EBUSY], 'the last one is held');
      held.release(one(pages[0]));
      assert.ok((await evicted(domain, pages)).every((errno) => errno === 0));
    });

    check('MUST 51: once it is disposed of, nothing of it keeps a page', ['demandPaging'], async (scene) => {
      const { domain, pages } = await suspended(scene);
      await domain.pause();
      await domain.paging.enable(() => undefined);
      using held = await hold(domain, pages);
      using mapping = held.map(one(pages[0]));
      held[Symbol.dispose]();
      held[Symbol.dispose]();
      assert.deepEqual(await evicted(domain, one(pages[0])), [Errno.EBUSY], 'it is still mapped');
      mapping.unmap();
      assert.ok((await evicted(domain, pages)).every((errno) => errno === 0));
    });

    check('MUST 51: after disposal nothing is held', [], async (scene) => {
      const { domain, pages } = await suspended(scene);
      using held = await hold(domain, pages);
      using other = await hold(domain, pages);
      await domain.destroy();
      held[Symbol.dispose]();
      assert.equal(held.count, 0);
      using mapping = held.map(one(pages[0]));
      assert.deepEqual([...mapping.errors], [Errno.EINVAL]);
      using stays = other.map(pages);
      assertWords(stays, wordsOf(pages));
    });

    check('MUST 2: after close() map() of held pages is CLOSED', [], async (scene) => {
      const [lives, dies] = [await suspended(scene), await suspended(scene)];
      using first = await hold(lives.domain, lives.pages);
      using second = await hold(dies.domain, dies.pages);
      await dies.domain.destroy();
      await scene.backend.close();
      throws('CLOSED', () => first.map(lives.pages));
      throws('CLOSED', () => second.map(dies.pages));
      second.release(dies.pages);
    });
  },
};
