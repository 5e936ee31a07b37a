/** Each operation against what is open, closing, closed and reopened; and handles of domains that are gone. */
import assert from 'node:assert/strict';
import { BackendError, type Domain, type HypervisorBackend } from '../../src/backends/backend.js';
import { begun, refuses } from './expect.js';
import { one, pagesOf } from './pages.js';
import { canMissPages, type Scene, type Topic } from './runner.js';

type Call = () => Promise<unknown>;

function domainCalls(domain: Domain, { declared, guestType }: Scene): Record<string, Call> {
  const gfns = one(0);
  return {
    info: () => domain.info(),
    pause: () => domain.pause(),
    unpause: () => domain.unpause(),
    suspend: () => domain.suspend(),
    resume: () => domain.resume(),
    destroy: () => domain.destroy(),
    types: () => domain.memory.types(gfns),
    dropHoles: () => domain.memory.dropHoles(new Uint8Array(1).fill(1), 8),
    map: () => domain.memory.map(gfns, 'read'),
    populate: () => domain.memory.populate(gfns),
    depopulate: () => domain.memory.depopulate(gfns),
    vital: () => domain.memory.vital(),
    hold: () => domain.memory.hold(new Uint8Array(1).fill(1), 8),
    saveStatic: () => domain.state.saveStatic(),
    save: () => domain.state.save(),
    restore: () => domain.state.restore({ type: 9, body: new Uint8Array(8) }),
    finishStatic: () => domain.state.finishStatic(),
    finish: () => domain.state.finish(),
    ...(declared.logDirty && {
      enable: () => domain.logDirty.enable(),
      disable: () => domain.logDirty.disable(),
      peek: () => domain.logDirty.peek(8),
      clean: () => domain.logDirty.clean(8),
    }),
    ...(canMissPages(declared, guestType) && {
      'paging.enable': () => domain.paging.enable(() => undefined),
      'paging.evict': () => domain.paging.evict(gfns),
      'paging.load': () => domain.paging.load(gfns, pagesOf([0])),
      'paging.disable': () => domain.paging.disable(),
    }),
  };
}

function backendCalls(backend: HypervisorBackend, domid: number): Record<string, Call> {
  const [guestType] = backend.capabilities.guestTypes;
  return {
    listDomains: () => backend.listDomains(),
    domain: () => backend.domain(domid),
    createShell: () => backend.createShell({ name: 'late', guestType, maxPages: 16, vcpus: 1 }),
  };
}

async function eachRefused(code: 'CLOSED' | 'NO_SUCH_DOMAIN', calls: Record<string, Call>): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    await refuses(code, call).catch((cause: unknown) => {
      throw new Error(`${name}(): ${String(cause)}`, { cause });
    });
  }
}

/** Settles with an answer or an error of the contract: nothing else is allowed while the ground is going. */
async function settles(calls: Record<string, Call>): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const outcome = await call().catch((error: unknown) => error);
    if (outcome instanceof Error) assert.ok(outcome instanceof BackendError, `${name}() rejects with ${outcome}`);
  }
}

/** Others may be making domains on the same host. */
const NOT_SOON = 1000;

async function neverBorn({ backend }: Scene): Promise<number> {
  const taken = (await backend.listDomains()).map(({ domid }) => domid);
  return Math.max(0, ...taken) + NOT_SOON;
}

export const handles: Topic = {
  name: 'handles',
  register(check) {
    check('MUST 2: after close() every call of the backend is CLOSED', [], async (scene) => {
      const { domain } = await scene.start();
      await scene.backend.close();
      await eachRefused('CLOSED', backendCalls(scene.backend, domain.domid));
    });

    check('MUST 2: after close() every call of a domain’s handle is CLOSED', [], async (scene) => {
      const { domain } = await scene.start();
      await scene.backend.close();
      await eachRefused('CLOSED', domainCalls(domain, scene));
    });

    check('MUST 2: a second close() resolves, also while the first is under way', [], async ({ backend }) => {
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      await backend[Symbol.asyncDispose]();
    });

    check('MUST 2: calls made while close() is under way settle', [], async (scene) => {
      const { domain } = await scene.start();
      const closing = begun(scene.backend.close());
      await settles(backendCalls(scene.backend, domain.domid));
      await settles(domainCalls(domain, scene));
      await closing;
    });

    check('MUST 2: a backend opened after another was closed works', [], async (scene) => {
      await scene.backend.close();
      const reopened = await scene.factory();
      const run = reopened.run?.bind(reopened) ?? (<T>(body: () => Promise<T>): Promise<T> => body());
      try {
        await run(async () => {
          assert.deepEqual(await scene.listed(reopened), []);
          const request = { name: 'again', pages: 1024, vcpus: 1, pagingMode: scene.mode };
          const { domain } = await reopened.createDomain(request);
          assert.equal((await domain.info()).name, 'again');
        });
      } finally {
        await reopened.close();
      }
    });

    check('MUST 3: a domid without a domain is NO_SUCH_DOMAIN, never the next higher one', [], async (scene) => {
      const [first, second, third] = [await scene.start(), await scene.start(), await scene.start()];
      await second.domain.destroy();
      await refuses('NO_SUCH_DOMAIN', () => scene.backend.domain(second.domain.domid));
      for (const { domain } of [first, third]) {
        assert.equal((await (await scene.backend.domain(domain.domid)).info()).domid, domain.domid);
      }
      const next = await neverBorn(scene);
      await refuses('NO_SUCH_DOMAIN', () => scene.backend.domain(next));
    });

    check('MUST 3: a domid is never truncated', [], async ({ backend, start }) => {
      const { domain } = await start();
      for (const beyond of [0x1_0000, 0x1_0000_0000]) {
        const code = await backend.domain(domain.domid + beyond).then(
          () => 'a domain',
          (error: { code?: string }) => error.code,
        );
        assert.ok(code === 'NO_SUCH_DOMAIN' || code === 'INVALID_ARGUMENT', `domid + ${beyond} gave ${code}`);
      }
    });

    check('MUST 5: once the domain is gone every call of every handle is NO_SUCH_DOMAIN', [], async (scene) => {
      const { domain } = await scene.start();
      const other = await scene.backend.domain(domain.domid);
      await domain.destroy();
      await eachRefused('NO_SUCH_DOMAIN', domainCalls(domain, scene));
      await eachRefused('NO_SUCH_DOMAIN', domainCalls(other, scene));
    });

    check('MUST 5: calls made while destroy() is under way settle', [], async (scene) => {
      const { domain } = await scene.start();
      const dying = begun(domain.destroy());
      const { destroy: _, ...calls } = domainCalls(domain, scene);
      await settles(calls);
      await dying;
    });

    check('two handles are of one domain', [], async (scene) => {
      const { domain } = await scene.start();
      const other = await scene.backend.domain(domain.domid);
      await domain.pause();
      assert.equal((await other.info()).paused, true);
      await other.unpause();
      assert.equal((await domain.info()).paused, false);
    });
  },
};
