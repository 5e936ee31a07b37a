/** Giving pages to a domain and taking them away. */
import assert from 'node:assert/strict';
import { type Domain, PageType } from '../../src/backends/backend.js';
import { refuses } from './expect.js';
import { cleanAll, logged, peekAll } from './log-dirty/log.js';
import { assertDirty, fillPage, one, peekWords, wordAt } from './pages.js';
import type { Scene, Topic } from './runner.js';

const range = (start: number, length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => start + i);

async function emptyShell({ backend, guestType, mode }: Scene, maxPages = 16): Promise<Domain> {
  return backend.createShell({ name: 'shell', guestType, maxPages, vcpus: 1, pagingMode: mode });
}

async function assertHoles(domain: Domain, gfns: Uint32Array): Promise<void> {
  const types = await domain.memory.types(gfns);
  assert.ok(
    types.every((type) => type === PageType.XTAB),
    'the refused call left pages behind',
  );
  assert.equal((await domain.info()).populatedPages, 0);
}

export const populate: Topic = {
  name: 'populate',
  register(check) {
    check('an empty shell is paused and has no page', ['receive'], async (scene) => {
      const shell = await emptyShell(scene, 64);
      const info = await shell.info();
      assert.deepEqual([info.paused, info.suspended, info.dying], [true, false, false]);
      assert.deepEqual([info.populatedPages, info.maxPages, info.vcpus, info.pagingMode], [0, 64, 1, scene.mode]);
      await assertHoles(shell, range(0, 64));
    });

    check(
      'MUST 4: a shell that cannot be promised its memory is NO_MEMORY, and nothing is left',
      ['receive'],
      async ({ backend, guestType, listed }) => {
        const shell = { name: 'too big', guestType, maxPages: backend.capabilities.maxPages + 1, vcpus: 1 };
        await refuses('NO_MEMORY', () => backend.createShell(shell));
        assert.deepEqual(await listed(), []);
      },
    );

    check('populate() gives zeroes', ['receive'], async (scene) => {
      const shell = await emptyShell(scene);
      const gfns = range(2, 8);
      await shell.memory.populate(gfns);
      assert.equal((await shell.info()).populatedPages, 8);
      assert.ok((await shell.info()).nrGfns >= 10);
      using mapping = await shell.memory.map(gfns, 'read');
      assert.equal(mapping.failed, 0);
      for (const slot of mapping.slots) {
        assert.ok(mapping.base.subarray(slot * 4096, (slot + 1) * 4096).every((byte) => byte === 0));
      }
    });

    check('populate() leaves pages that are there as they are', ['receive'], async (scene) => {
      const shell = await emptyShell(scene);
      await shell.memory.populate(one(3));
      {
        using mapping = await shell.memory.map(one(3), 'write');
        fillPage(mapping, 0, 77);
      }
      await shell.memory.populate(range(2, 3));
      assert.deepEqual([...(await peekWords(shell, range(2, 3)))], [0, 77, 0]);
    });

    check(
      'populate() leaves pages of a domain that runs, though they come without data',
      ['balloon'],
      async ({ start }) => {
        const { domain, guest, pages } = await start();
        const both = pages.subarray(0, 2);
        await guest.write(both, 77);
        await guest.balloonOut(both.subarray(0, 1));
        await domain.memory.populate(both, Uint8Array.of(PageType.XALLOC, PageType.XALLOC));
        assert.deepEqual([...(await peekWords(domain, both))], [0, 77]);
      },
    );

    check('populate() skips entries that the stream names XTAB or BROKEN', ['receive'], async (scene) => {
      const shell = await emptyShell(scene);
      const types = Uint8Array.of(PageType.NOTAB, PageType.XTAB, PageType.BROKEN, PageType.XALLOC);
      await shell.memory.populate(range(0, 4), types);
      assert.equal((await shell.info()).populatedPages, 2);
      assert.deepEqual([...(await shell.memory.types(Uint32Array.of(1, 2)))], [PageType.XTAB, PageType.XTAB]);
    });

    check('MUST 35: populate() beyond maxPages is NO_MEMORY, and all or nothing', ['receive'], async (scene) => {
      const shell = await emptyShell(scene, 16);
      await refuses('NO_MEMORY', () => shell.memory.populate(range(0, 17)));
      await assertHoles(shell, range(0, 17));
      await shell.memory.populate(range(0, 16));
    });

    check(
      'MUST 35: populate() of a gfn beyond the backend’s limit is BAD_GFN, and all or nothing',
      ['receive'],
      async (scene) => {
        const { maxPages } = scene.backend.capabilities;
        if (maxPages > 0xffff_ffff) return;
        const shell = await emptyShell(scene);
        await refuses('BAD_GFN', () => shell.memory.populate(Uint32Array.of(0, maxPages)));
        await assertHoles(shell, one(0));
      },
    );

    check('depopulate() takes pages away, skips holes, and makes room for others', ['receive'], async (scene) => {
      const shell = await emptyShell(scene, 8);
      await shell.memory.populate(range(0, 8));
      await shell.memory.depopulate(range(6, 4));
      assert.deepEqual([...(await shell.memory.types(range(5, 3)))], [PageType.NOTAB, PageType.XTAB, PageType.XTAB]);
      // A PV shell may keep a frame that page tables refer to, until they are final or the memory is wanted.
      if (scene.guestType === 'hvm') assert.equal((await shell.info()).populatedPages, 6);
      await shell.memory.populate(range(6, 2));
      assert.deepEqual([...(await peekWords(shell, range(6, 2)))], [0, 0], 'a page that comes back is zero');
    });

    check('a page given again is zero, and logged from the next clean() on', ['logDirty', 'balloon'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      const back = pages.subarray(0, 4);
      await guest.balloonOut(back);
      await domain.memory.populate(back);
      {
        using mapping = await domain.memory.map(back, 'read');
        assert.equal(wordAt(mapping, 0), 0);
      }
      await cleanAll(domain);
      await guest.write(back, 6);
      assertDirty((await peekAll(domain)).bitmap, back, 'populated under log-dirty, then written');
    });
  },
};
