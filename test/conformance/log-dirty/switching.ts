/** Turning log-dirty on and off. Statements 1–5 of Xen's semantics (xen/arch/x86/mm/paging.c). */
import assert from 'node:assert/strict';
import { Errno } from '../../../src/backends/backend.js';
import { begun, refuses } from '../expect.js';
import { assertBlank, assertDirty, bytesFor } from '../pages.js';
import type { Topic } from '../runner.js';
import { cleanAll, logged, peekAll } from './log.js';

export const switching: Topic = {
  name: 'log-dirty: on and off',
  register(check) {
    check('MUST 13: after enable() every page is clean', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await scene.start();
      await guest.write(pages, 7);
      await domain.pause();
      await domain.logDirty.enable();
      assertBlank((await peekAll(domain)).bitmap, 'a page is dirty though no vCPU ran');
    });

    check('MUST 13: writes before enable() are not reported, writes after it are', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await scene.start();
      await guest.write(pages, 7);
      await domain.logDirty.enable();
      await guest.write(pages.subarray(0, 8), 8);
      const { bitmap } = await peekAll(domain);
      assertDirty(bitmap, pages.subarray(0, 8), 'written after enable()');
    });

    check('MUST 14: enable() does not reset the counters', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const before = await peekAll(domain);
      assert.ok(before.stats.dirtyCount >= pages.length);
      await domain.logDirty.disable();
      await domain.logDirty.enable();
      const after = await peekAll(domain);
      assertBlank(after.bitmap, 'the bitmap starts afresh');
      assert.equal(after.stats.dirtyCount, before.stats.dirtyCount, 'the count is the stale one');
      assert.equal(after.stats.faultCount, before.stats.faultCount);
    });

    check('MUST 15: a second enable() is INVALID_STATE, and log-dirty stays on', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await refuses('INVALID_STATE', () => domain.logDirty.enable(), Errno.EINVAL);
      assertDirty((await peekAll(domain)).bitmap, pages, 'the refused call forgot them');
    });

    check('MUST 15: enable() of a domain without vCPUs is refused', ['logDirty', 'receive'], async (scene) => {
      const { backend, guestType } = scene;
      const attempt = begun(backend.createShell({ name: 'no-vcpu', guestType, maxPages: 16, vcpus: 0 }));
      // A backend may refuse such a domain at birth.
      const shell = await attempt.catch(() => undefined);
      if (shell) await refuses('INVALID_STATE', () => shell.logDirty.enable(), Errno.EINVAL);
      else await refuses('INVALID_ARGUMENT', () => attempt);
    });

    check('MUST 16: enable() while another operation is under way is BUSY', ['logDirty'], async (scene) => {
      const { domain } = await scene.start();
      const first = begun(domain.logDirty.enable());
      await refuses('BUSY', () => domain.logDirty.enable(), Errno.EBUSY);
      await first;
      await domain.logDirty.disable();
      const cleaning = begun(domain.logDirty.clean((await domain.info()).nrGfns));
      await refuses('BUSY', () => domain.logDirty.enable(), Errno.EBUSY);
      await cleaning;
      await domain.logDirty.enable();
    });

    check('MUST 17: disable() succeeds when off already', ['logDirty'], async (scene) => {
      const { domain } = await scene.start();
      await domain.logDirty.disable();
      await domain.logDirty.enable();
      await domain.logDirty.disable();
      await domain.logDirty.disable();
    });

    check('MUST 18: disable() drops the bitmap and keeps the counters', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      await guest.write(pages, 2);
      await domain.pause();
      const before = await peekAll(domain);
      await domain.logDirty.disable();
      const after = await peekAll(domain);
      assertBlank(after.bitmap, 'the bitmap is gone');
      assert.deepEqual(after.stats, before.stats);
    });

    check(
      'MUST 20: peek() when off succeeds, with a zero bitmap and the counters as they stand',
      ['logDirty'],
      async (scene) => {
        const { domain, guest, pages } = await scene.start();
        await guest.write(pages, 2);
        const pagesAsked = (await domain.info()).nrGfns;
        const bitmap = new Uint8Array(bytesFor(pagesAsked)).fill(0xff);
        const stats = await domain.logDirty.peek(pagesAsked, bitmap);
        assertBlank(bitmap, 'nothing is logged, so nothing is dirty');
        assert.equal(stats.pages, pagesAsked);
        assert.equal(stats.dirtyCount, 0);
        // Shadow paging counts its faults whether log-dirty is on or not (sh_page_fault).
        if (scene.mode === 'hap') assert.equal(stats.faultCount, 0);
      },
    );

    check('clean() when off succeeds too, with a zero bitmap', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await scene.start();
      await guest.write(pages, 2);
      const { bitmap, stats, pages: asked } = await cleanAll(domain);
      assertBlank(bitmap, 'nothing is logged, so nothing is dirty');
      assert.equal(stats.pages, asked);
    });
  },
};
