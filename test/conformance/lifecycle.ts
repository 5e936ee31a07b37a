/** Pause, suspend, resume and destroy, seen by what the guest manages to write. */
import assert from 'node:assert/strict';
import { refuses, soon } from './expect.js';
import { peekWords } from './pages.js';
import type { Actor, Scene, Topic } from './runner.js';

const A_WHILE_MS = 15;

/** The guest writes nothing for a while. */
async function assertStill(scene: Scene, { domain, pages }: Actor, why: string): Promise<void> {
  const before = await peekWords(domain, pages);
  await scene.sleep(A_WHILE_MS);
  assert.deepEqual(await peekWords(domain, pages), before, `${why}: a vCPU runs`);
}

/** The guest writes again, within the suite's patience. */
async function assertRuns(scene: Scene, { domain, pages }: Actor, why: string): Promise<void> {
  const before = (await peekWords(domain, pages)).join();
  const moved = async (): Promise<void> => {
    while ((await peekWords(domain, pages)).join() === before) await scene.sleep(2);
  };
  await soon(scene, `${why}: the guest runs`, moved());
}

async function scribbling(scene: Scene, vcpus = 1): Promise<Actor> {
  const actor = await scene.start({ vcpus });
  await actor.guest.scribble(actor.pages);
  await assertRuns(scene, actor, 'before anything is done to it');
  return actor;
}

export const lifecycle: Topic = {
  name: 'lifecycle',
  register(check) {
    check('a running domain’s info tells what it is', [], async (scene) => {
      const { domain, pages } = await scene.start({ name: 'told', vcpus: 2 });
      const info = await domain.info();
      assert.equal(info.domid, domain.domid);
      assert.equal(info.name, 'told');
      assert.equal(info.vcpus, 2);
      assert.deepEqual([info.paused, info.suspended, info.dying, info.pagedPages], [false, false, false, 0]);
      assert.ok(info.nrGfns > Math.max(...pages), 'nrGfns is past the highest gfn');
      assert.ok(info.populatedPages >= pages.length && info.populatedPages <= info.maxPages);
    });

    for (const vcpus of [1, 2]) {
      check(`MUST 6: after pause() no vCPU runs, until unpause() (vCPUs: ${vcpus})`, ['scribble'], async (scene) => {
        const actor = await scribbling(scene, vcpus);
        await actor.domain.pause();
        assert.equal((await actor.domain.info()).paused, true);
        await assertStill(scene, actor, 'paused');
        await actor.domain.unpause();
        assert.equal((await actor.domain.info()).paused, false);
        await assertRuns(scene, actor, 'unpaused');
      });
    }

    check('MUST 6: pauses are counted', ['scribble'], async (scene) => {
      const actor = await scribbling(scene);
      await Promise.all([actor.domain.pause(), actor.domain.pause()]);
      await actor.domain.unpause();
      await assertStill(scene, actor, 'paused twice, unpaused once');
      await actor.domain.unpause();
      await assertRuns(scene, actor, 'unpaused twice');
    });

    check('MUST 7: unpause() of a domain that is not paused is INVALID_STATE', [], async (scene) => {
      const { domain } = await scene.start();
      await refuses('INVALID_STATE', () => domain.unpause());
      await domain.pause();
      await domain.unpause();
      await refuses('INVALID_STATE', () => domain.unpause());
    });

    check(
      'MUST 8: a suspended guest does not run, whatever pause() and unpause() do, until resume()',
      ['scribble'],
      async (scene) => {
        const actor = await scribbling(scene);
        const { domain } = actor;
        await domain.suspend();
        assert.equal((await domain.info()).suspended, true);
        await assertStill(scene, actor, 'suspended');
        await domain.pause();
        await domain.unpause();
        await assertStill(scene, actor, 'suspended, paused and unpaused');
        await domain.resume();
        assert.equal((await domain.info()).suspended, false);
        await assertRuns(scene, actor, 'resumed');
      },
    );

    check(
      'MUST 9: a guest that does not answer is SUSPEND_FAILED, and runs on',
      ['scribble', 'refuseSuspend'],
      async (scene) => {
        const actor = await scribbling(scene);
        await actor.guest.refuseSuspend();
        await refuses('SUSPEND_FAILED', () => actor.domain.suspend());
        assert.equal((await actor.domain.info()).suspended, false);
        await assertRuns(scene, actor, 'after the failed suspend');
      },
    );

    check('MUST 10: after destroy() the domid is gone', [], async ({ backend, start }) => {
      const { domain } = await start();
      await domain.destroy();
      await refuses('NO_SUCH_DOMAIN', () => backend.domain(domain.domid));
      assert.ok(!(await backend.listDomains()).some(({ domid }) => domid === domain.domid));
    });

    check('MUST 10: pages that are mapped outlive destroy()', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 0x5eed);
      using mapping = await domain.memory.map(pages, 'read');
      await domain.destroy();
      const words = new DataView(mapping.base.buffer, mapping.base.byteOffset, mapping.base.byteLength);
      for (const slot of mapping.slots) assert.equal(words.getUint32(slot * 4096, true), 0x5eed);
    });

    check('destroy() of a domain whose guest is busy, paused or suspended', ['scribble'], async (scene) => {
      const busy = await scribbling(scene);
      await busy.domain.destroy();
      const paused = await scene.start();
      await paused.domain.pause();
      await paused.domain.destroy();
      const suspended = await scene.start();
      await suspended.domain.suspend();
      await suspended.domain.destroy();
      assert.equal((await scene.listed()).length, 0);
    });
  },
};
