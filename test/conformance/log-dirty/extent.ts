/** How much of a bitmap is written and cleared. Statements 8–11 and 14. */
import assert from 'node:assert/strict';
import { Errno } from '../../../src/backends/backend.js';
import { refuses } from '../expect.js';
import { assertBlank, assertClean, assertDirty, bytesFor } from '../pages.js';
import type { Topic } from '../runner.js';
import { cleanAll, logged, peekAll } from './log.js';

/** Gfns whose bits share one page of Xen's bitmap. */
const LEAF = 32_768;
const CANARY = 0xa5;

export const extent: Topic = {
  name: 'log-dirty: extent',
  register(check) {
    check('MUST 11: `pages` comes back as it was asked for, not clamped', ['logDirty'], async (scene) => {
      const { domain } = await logged(scene);
      const { nrGfns } = await domain.info();
      for (const pages of [0, 1, nrGfns, nrGfns + 1000]) {
        assert.equal((await domain.logDirty.peek(pages)).pages, pages, 'peek');
        assert.equal((await domain.logDirty.clean(pages)).pages, pages, 'clean');
      }
    });

    check('MUST 23: without a bitmap clean() still clears', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const { nrGfns } = await domain.info();
      const stats = await domain.logDirty.clean(nrGfns);
      assert.ok(stats.dirtyCount >= pages.length);
      const after = await peekAll(domain);
      assertBlank(after.bitmap, 'all was cleared');
      assert.equal(after.stats.dirtyCount, 0);
    });

    check('MUST 24: pages = 0 zeroes the counters and clears no bit', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const before = await peekAll(domain);
      const stats = await domain.logDirty.clean(0, new Uint8Array(0));
      assert.equal(stats.dirtyCount, before.stats.dirtyCount, 'the counters as they were');
      const after = await peekAll(domain);
      assert.deepEqual(after.bitmap, before.bitmap);
      assert.deepEqual(after.stats, { pages: after.pages, dirtyCount: 0, faultCount: 0 });
    });

    check('MUST 25: a short clean() clears the leaf it touches', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      const leaf = pages.filter((gfn) => gfn < LEAF);
      await guest.write(leaf, 2);
      await domain.pause();
      const stats = await domain.logDirty.clean(8, new Uint8Array(1));
      assert.ok(stats.dirtyCount >= leaf.length, 'the count is the whole domain’s');
      const after = await peekAll(domain);
      assertClean(after.bitmap, leaf, 'in the leaf of gfns 0–7');
      assert.deepEqual(after.stats, { pages: after.pages, dirtyCount: 0, faultCount: 0 });
    });

    check('MUST 25: a short clean() keeps later leaves', ['logDirty', 'twoLeaves'], async (scene) => {
      const { domain, guest, pages } = await logged(scene, { pages: LEAF + 4096 });
      const [low, high] = [pages.filter((gfn) => gfn < LEAF), pages.filter((gfn) => gfn >= LEAF)];
      assert.ok(low.length > 0 && high.length > 0, 'the fixture promised pages on both sides of gfn 32,768');
      await guest.write(pages, 2);
      await domain.pause();
      await domain.logDirty.clean(8, new Uint8Array(1));
      const after = await peekAll(domain);
      assertClean(after.bitmap, low, 'first leaf');
      assertDirty(after.bitmap, high, 'second leaf');
      assert.equal(after.stats.dirtyCount, 0, 'counters are the whole domain’s');
      assertDirty((await cleanAll(domain)).bitmap, high, 'still to be reported');
    });

    check('MUST 26: exactly ⌈pages/8⌉ bytes are written, by peek() and by clean()', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      const asked = pages[10] + 3;
      for (const read of ['peek', 'clean'] as const) {
        const bitmap = new Uint8Array(bytesFor(asked) + 16).fill(CANARY);
        await domain.logDirty[read](asked, bitmap);
        const beyond = bitmap.subarray(bytesFor(asked));
        assert.ok(
          beyond.every((byte) => byte === CANARY),
          `${read} wrote beyond its ${bytesFor(asked)} bytes`,
        );
        assertDirty(bitmap, pages.subarray(0, 10), read);
      }
    });

    check('MUST 26: bits past the highest gfn are 0', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      const { nrGfns } = await domain.info();
      const asked = nrGfns + 8 * 512;
      const bitmap = new Uint8Array(bytesFor(asked)).fill(0xff);
      await domain.logDirty.clean(asked, bitmap);
      assertDirty(bitmap, pages, 'within the domain');
      assertBlank(bitmap.subarray(bytesFor(nrGfns)), 'no gfn there, so nothing dirty');
    });

    check('MUST 27: a short bitmap is BAD_BUFFER, and nothing is cleared', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const before = await peekAll(domain);
      const short = new Uint8Array(bytesFor(before.pages) - 1);
      await refuses('BAD_BUFFER', () => domain.logDirty.clean(before.pages, short), Errno.EFAULT);
      assert.deepEqual(await peekAll(domain), before);
    });
  },
};
