/** What PEEK and CLEAN report, and what they leave behind. Statements 6–12, 15 and 16. */
import assert from 'node:assert/strict';
import { begun } from '../expect.js';
import { assertBlank, assertClean, assertDirty, countSet, fillPage } from '../pages.js';
import type { Topic } from '../runner.js';
import { cleanAll, logged, peekAll } from './log.js';

export const reporting: Topic = {
  name: 'log-dirty: reports',
  register(check) {
    check('MUST 29: guest writes dirty a page, and only the pages written', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      const odd = pages.filter((_, index) => index % 2 === 1);
      await guest.write(odd, 3);
      const { bitmap } = await cleanAll(domain);
      assertDirty(bitmap, odd, 'written by the guest');
      const even = pages.filter((_, index) => index % 2 === 0);
      assertClean(bitmap, even, 'not written');
    });

    check('MUST 29: guest reads do not dirty a page', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.read(pages);
      assertClean((await cleanAll(domain)).bitmap, pages, 'only read');
    });

    check('MUST 29: writes through a mapping of an HVM domain do not dirty a page', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      if ((await domain.info()).guestType !== 'hvm') return;
      const some = pages.subarray(0, 4);
      {
        using mapping = await domain.memory.map(some, 'write');
        some.forEach((_, index) => {
          fillPage(mapping, index, 9);
        });
      }
      assertClean((await cleanAll(domain)).bitmap, some, 'written from outside');
      assert.deepEqual(
        await guest.read(some),
        some.map(() => 9),
      );
    });

    check('MUST 19: peek() changes nothing', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const first = await peekAll(domain);
      assert.deepEqual(await peekAll(domain), first);
      assert.deepEqual(await cleanAll(domain), first);
    });

    check('MUST 19: peek() re-protects nothing', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      const before = (await peekAll(domain)).stats;
      await guest.write(pages, 3);
      const after = (await peekAll(domain)).stats;
      // A real guest makes a few faults of its own in between; pages protected anew would make one each.
      assert.ok(after.faultCount - before.faultCount < pages.length / 2, 'writes to dirty pages faulted again');
      assert.ok(after.dirtyCount - before.dirtyCount < pages.length / 2, 'dirty pages became dirty again');
    });

    check('clean() returns the bitmap as it was and starts a new one', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      const [first, second] = [pages.subarray(0, 10), pages.subarray(10, 20)];
      await guest.write(first, 2);
      assertDirty((await cleanAll(domain)).bitmap, first, 'first round');
      await guest.write(second, 3);
      const { bitmap } = await cleanAll(domain);
      assertDirty(bitmap, second, 'second round');
      assertClean(bitmap, first, 'reported a round ago');
    });

    check(
      'clean() re-protects: a page written in every round is reported in every round',
      ['logDirty'],
      async (scene) => {
        const { domain, guest, pages } = await logged(scene);
        for (let round = 0; round < 5; round++) {
          await guest.write(pages, round);
          assertDirty((await cleanAll(domain)).bitmap, pages, `round ${round}`);
        }
      },
    );

    check('MUST 22: a second clean() of a guest that did not run returns nothing', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      assertDirty((await cleanAll(domain)).bitmap, pages, 'before the pause');
      const { bitmap, stats, pages: asked } = await cleanAll(domain);
      assertBlank(bitmap, 'nothing ran, so nothing is dirty');
      assert.deepEqual(stats, { pages: asked, dirtyCount: 0, faultCount: 0 });
    });

    check('dirtyCount counts the clean→dirty transitions of the whole domain', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await guest.write(pages, 3);
      await domain.pause();
      const { bitmap, stats, pages: asked } = await peekAll(domain);
      assert.equal(stats.dirtyCount, countSet(bitmap, asked), 'each page became dirty once');
      assert.equal(
        (await domain.logDirty.peek(8)).dirtyCount,
        stats.dirtyCount,
        'also where fewer pages are asked for',
      );
    });

    check('MUST 12: faultCount is 0 under HAP and counts fixups under shadow paging', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      const { faultCount } = (await peekAll(domain)).stats;
      if (scene.mode === 'hap') assert.equal(faultCount, 0);
      else assert.ok(faultCount >= pages.length, `${faultCount} faults for ${pages.length} protected pages`);
    });

    check('MUST 28: the pause inside clean() does not show in info()', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      const asked = (await domain.info()).nrGfns;
      const cleaning = begun(domain.logDirty.clean(asked));
      assert.equal((await domain.info()).paused, false, 'while it is under way');
      await cleaning;
      assert.equal((await domain.info()).paused, false, 'afterwards');
      await guest.write(pages, 3);
    });

    check('clean() of a paused domain leaves it paused', ['logDirty'], async (scene) => {
      const { domain } = await logged(scene);
      await domain.pause();
      await cleanAll(domain);
      assert.equal((await domain.info()).paused, true);
    });

    check('clean() with `final` reports what a suspended guest wrote last', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.suspend();
      const { bitmap, pages: asked } = await peekAll(domain);
      await domain.logDirty.clean(asked, bitmap.fill(0), true);
      assertDirty(bitmap, pages, 'written before the suspend');
    });
  },
};
