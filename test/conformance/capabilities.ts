/** Capabilities are data, and what they deny is refused by name. */
import assert from 'node:assert/strict';
import type { Domain } from '../../src/backends/backend.js';
import { refuses } from './expect.js';
import { one, pagesOf } from './pages.js';
import { canMissPages, type Scene, type Topic } from './runner.js';

type Calls = Record<string, () => Promise<unknown>>;

const logDirtyCalls = ({ logDirty }: Domain): Calls => ({
  enable: () => logDirty.enable(),
  disable: () => logDirty.disable(),
  peek: () => logDirty.peek(8),
  clean: () => logDirty.clean(8),
});

const pagingCalls = ({ paging }: Domain): Calls => ({
  enable: () => paging.enable(() => undefined),
  evict: () => paging.evict(one(0)),
  load: () => paging.load(one(0), pagesOf([0])),
  disable: () => paging.disable(),
});

async function allRefused(calls: Calls): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const { remedy } = await refuses('NOT_SUPPORTED', call);
    assert.ok(remedy && remedy.length > 0, `${name}() is refused without a remedy`);
  }
}

async function allAnswered(calls: Calls): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const code = await call().then(
      () => 'resolved',
      (error: { code?: string }) => error.code,
    );
    assert.notEqual(code, 'NOT_SUPPORTED', `${name}() is refused though its capability is true`);
  }
}

const snapshot = ({ backend }: Scene): string => JSON.stringify(backend.capabilities);

export const capabilities: Topic = {
  name: 'capabilities',
  register(check) {
    check('capabilities are frozen, lists included', [], async ({ backend }) => {
      assert.ok(Object.isFrozen(backend.capabilities));
      assert.ok(Object.isFrozen(backend.capabilities.guestTypes));
      assert.ok(Object.isFrozen(backend.capabilities.pagingModes));
      assert.ok(Object.isFrozen(backend.capabilities.demandPaging));
    });

    check('capabilities are the same before and after every call', [], async (scene) => {
      const before = snapshot(scene);
      await scene.start();
      assert.equal(snapshot(scene), before, 'after a domain was made');
      await scene.backend.close();
      assert.equal(snapshot(scene), before, 'after close()');
    });

    check('the capabilities declared to the suite are the backend’s own', [], async ({ backend, declared }) => {
      const { logDirty, demandPaging, receive, pagingModes } = backend.capabilities;
      assert.deepEqual(
        { logDirty, demandPaging, receive, pagingModes: [...pagingModes].sort() },
        {
          logDirty: declared.logDirty,
          demandPaging: declared.demandPaging,
          receive: declared.receive,
          pagingModes: [...declared.pagingModes].sort(),
        },
        'pass the backend’s capabilities to conformance(): what they deny is skipped where one can see it',
      );
    });

    check('a domain’s info agrees with the capabilities', [], async (scene) => {
      const info = await (await scene.start()).domain.info();
      assert.ok(scene.backend.capabilities.guestTypes.includes(info.guestType));
      assert.equal(info.pagingMode, scene.mode);
      assert.ok(info.maxPages <= scene.backend.capabilities.maxPages);
    });

    check('MUST 1: log-dirty is answered, or refused as NOT_SUPPORTED with a remedy', [], async (scene) => {
      const { domain } = await scene.start();
      const judge = scene.backend.capabilities.logDirty ? allAnswered : allRefused;
      await judge(logDirtyCalls(domain));
    });

    check('MUST 1: demand paging is answered, or refused as NOT_SUPPORTED with a remedy', [], async (scene) => {
      const { domain } = await scene.start();
      await domain.pause();
      const judge = canMissPages(scene.backend.capabilities, scene.guestType) ? allAnswered : allRefused;
      await judge(pagingCalls(domain));
    });

    check(
      'MUST 1: createShell() is answered, or refused as NOT_SUPPORTED with a remedy',
      [],
      async ({ backend, guestType }) => {
        const { receive } = backend.capabilities;
        const shell = { name: 'shell', guestType, maxPages: 16, vcpus: 1 };
        await (receive ? allAnswered : allRefused)({ createShell: () => backend.createShell(shell) });
      },
    );

    check(
      'MUST 1: a guest type or paging mode that is not listed is NOT_SUPPORTED',
      ['receive'],
      async ({ backend }) => {
        const { guestTypes, pagingModes } = backend.capabilities;
        const shell = { name: 'shell', guestType: guestTypes[0], maxPages: 16, vcpus: 1 };
        for (const guestType of (['pv', 'hvm'] as const).filter((type) => !guestTypes.includes(type))) {
          await allRefused({ [guestType]: () => backend.createShell({ ...shell, guestType }) });
        }
        for (const pagingMode of (['shadow', 'hap'] as const).filter((mode) => !pagingModes.includes(mode))) {
          await allRefused({ [pagingMode]: () => backend.createShell({ ...shell, pagingMode }) });
        }
      },
    );
  },
};
