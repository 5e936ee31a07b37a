/** Domains do not see each other, nor do backends; the factory's world is fresh each time. */
import assert from 'node:assert/strict';
import { cleanAll } from './log-dirty/log.js';
import { assertClean, assertDirty, peekWords } from './pages.js';
import type { Topic } from './runner.js';

export const isolation: Topic = {
  name: 'isolation',
  register(check) {
    for (const time of ['first', 'second']) {
      check(`a fresh fixture has no domain of its own (${time} time)`, [], async ({ listed, start }) => {
        assert.deepEqual(await listed(), []);
        await start({ name: 'left-behind' });
      });
    }

    check('domains are listed in the order of their domids, each once', [], async ({ listed: list, start }) => {
      const made = [await start(), await start(), await start()].map(({ domain }) => domain.domid);
      const listed = (await list()).map(({ domid }) => domid);
      assert.deepEqual(
        listed,
        [...made].sort((a, b) => a - b),
      );
      assert.equal(new Set(listed).size, 3);
    });

    check('one domain’s memory is not another’s', [], async ({ start }) => {
      const [a, b] = [await start(), await start()];
      await a.guest.write(a.pages, 0xaaaa);
      await b.guest.write(b.pages, 0xbbbb);
      assert.deepEqual(
        await peekWords(a.domain, a.pages),
        a.pages.map(() => 0xaaaa),
      );
      assert.deepEqual(
        await peekWords(b.domain, b.pages),
        b.pages.map(() => 0xbbbb),
      );
    });

    check('one domain’s log-dirty is not another’s', ['logDirty'], async ({ start }) => {
      const [a, b] = [await start(), await start()];
      for (const { domain } of [a, b]) {
        await domain.logDirty.enable();
        await cleanAll(domain);
      }
      await a.guest.write(a.pages, 1);
      assertClean((await cleanAll(b.domain)).bitmap, b.pages, 'the other guest wrote');
      assertDirty((await cleanAll(a.domain)).bitmap, a.pages, 'not taken by the CLEAN of another domain');
      await b.domain.logDirty.disable();
      await a.guest.write(a.pages, 2);
      assertDirty((await cleanAll(a.domain)).bitmap, a.pages, 'not turned off with the other');
    });

    check('pausing or destroying one domain leaves another running', [], async ({ start }) => {
      const [a, b] = [await start(), await start()];
      await a.domain.pause();
      await b.guest.write(b.pages, 1);
      await a.domain.destroy();
      await b.guest.write(b.pages, 2);
      assert.deepEqual(
        await b.guest.read(b.pages),
        b.pages.map(() => 2),
      );
    });
  },
};
