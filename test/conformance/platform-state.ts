/** CPU and platform state: a domain copied by hand, with nothing but the contract, runs on. */
import assert from 'node:assert/strict';
import { type Domain, MAX_BATCH, PAGE_SIZE, type StateRecord } from '../../src/backends/backend.js';
import { refuses } from './expect.js';
import { bytesFor } from './pages.js';
import type { Actor, Scene, Topic } from './runner.js';

/** A shell as roomy as the domain. */
async function shellFor({ backend, mode }: Scene, domain: Domain): Promise<Domain> {
  const { name, guestType, maxPages, vcpus } = await domain.info();
  return backend.createShell({ name: `${name}-copy`, guestType, maxPages, vcpus, pagingMode: mode });
}

/** Every gfn that has a page, ascending. */
async function populatedGfns(domain: Domain): Promise<Uint32Array> {
  const { nrGfns } = await domain.info();
  const bitmap = new Uint8Array(bytesFor(nrGfns)).fill(0xff);
  const gfns = new Uint32Array(await domain.memory.dropHoles(bitmap, nrGfns));
  let count = 0;
  bitmap.forEach((byte, at) => {
    for (let bit = 0; byte >> bit !== 0; bit++)
      if ((byte >> bit) & 1 && at * 8 + bit < nrGfns) gfns[count++] = at * 8 + bit;
  });
  return gfns;
}

/** Copies every populated page. Destination slots of neighbouring gfns need not be neighbours, so page by page. */
async function copyMemory(source: Domain, destination: Domain): Promise<void> {
  const all = await populatedGfns(source);
  for (let start = 0; start < all.length; start += MAX_BATCH) {
    const gfns = all.subarray(start, start + MAX_BATCH);
    await destination.memory.populate(gfns, await source.memory.types(gfns));
    using from = await source.memory.map(gfns, 'read');
    using to = await destination.memory.map(gfns, 'write');
    for (let i = 0; i < gfns.length; i++) {
      if (from.errors[i] !== 0) continue;
      to.base.set(
        from.base.subarray(from.slots[i] * PAGE_SIZE, (from.slots[i] + 1) * PAGE_SIZE),
        to.slots[i] * PAGE_SIZE,
      );
    }
  }
}

const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

/** X86_CPUID_POLICY, X86_MSR_POLICY. */
const POLICIES: ReadonlySet<number> = new Set([0x11, 0x12]);
/** What finishStatic() comes after: X86_PV_INFO and the policies. */
const STATIC_DATA: ReadonlySet<number> = new Set([0x2, ...POLICIES]);

async function restoreAll(domain: Domain, records: readonly StateRecord[]): Promise<void> {
  for (const record of records) assert.equal(await domain.state.restore(record), true, `record of type ${record.type}`);
}

async function restoreStatic(domain: Domain, records: readonly StateRecord[]): Promise<void> {
  const isStatic = ({ type }: StateRecord): boolean => STATIC_DATA.has(type);
  await restoreAll(domain, records.filter(isStatic));
  await domain.state.finishStatic();
  await restoreAll(
    domain,
    records.filter((record) => !isStatic(record)),
  );
}

/** Moves a domain as simply as can be: suspended, everything copied. */
async function copyDomain(
  scene: Scene,
  source: Domain,
  {
    spoil,
    told = () => true,
  }: { spoil?: (copy: Domain) => Promise<void>; told?: (record: StateRecord) => boolean } = {},
): Promise<Domain> {
  const copy = await shellFor(scene, source);
  await restoreStatic(copy, (await source.state.saveStatic()).filter(told));
  await source.suspend();
  await copyMemory(source, copy);
  await spoil?.(copy);
  await restoreAll(copy, await source.state.save());
  await copy.state.finish();
  return copy;
}

async function assertRunsOn(scene: Scene, original: Actor, copy: Domain): Promise<void> {
  const guest = await scene.attach(copy, original.guest);
  assert.deepEqual(
    await guest.read(original.pages),
    original.pages.map(() => 0xc0de),
    'its memory came along',
  );
  await guest.write(original.pages, 0xbeef);
  assert.deepEqual(
    await guest.read(original.pages),
    original.pages.map(() => 0xbeef),
    'and it works on',
  );
}

async function prepared(scene: Scene, vcpus = 1): Promise<Actor> {
  const actor = await scene.start({ vcpus });
  await actor.guest.write(actor.pages, 0xc0de);
  return actor;
}

/** A hostile variant of each record that carries anything. */
const truncated = (records: readonly StateRecord[]): StateRecord[] =>
  records
    .filter(({ body }) => body.length > 1)
    .map(({ type, body }) => ({ type, body: body.subarray(0, body.length >> 1) }));

async function refusesRecord({ state }: Domain, record: StateRecord): Promise<void> {
  await refuses('BAD_STATE_RECORD', () => state.restore(record)).catch((cause: unknown) => {
    throw new Error(`record of type ${record.type}, ${record.body.length} bytes: ${String(cause)}`, { cause });
  });
}

export const platformState: Topic = {
  name: 'platform state',
  register(check) {
    check('MUST 36: save() is INVALID_STATE unless the domain is suspended', [], async ({ start }) => {
      const { domain } = await start();
      await refuses('INVALID_STATE', () => domain.state.save());
      await domain.pause();
      await refuses('INVALID_STATE', () => domain.state.save());
      await domain.unpause();
      await domain.suspend();
      assert.ok((await domain.state.save()).length > 0);
    });

    check('MUST 46: a domain that runs takes no state: INVALID_STATE', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      const { state } = domain;
      await guest.write(pages, 7);
      await refuses('INVALID_STATE', () => state.restore({ type: 0x9, body: new Uint8Array(8) }));
      await refuses('INVALID_STATE', () => state.finishStatic());
      await refuses('INVALID_STATE', () => state.finish());
      assert.deepEqual(
        await guest.read(pages),
        pages.map(() => 7),
      );
    });

    check('MUST 47: state has one version, of whole numbers, as long as the domain is there', [], async ({ start }) => {
      const { domain } = await start();
      const { version } = domain.state;
      assert.ok(isWord(version.major) && isWord(version.minor), `${version.major}.${version.minor}`);
      assert.deepEqual((await start()).domain.state.version, version);
      await domain.suspend();
      assert.deepEqual(domain.state.version, version);
    });

    check('MUST 47: the state of a shell has the version of its host', ['receive'], async (scene) => {
      const { domain } = await scene.start();
      assert.deepEqual((await shellFor(scene, domain)).state.version, domain.state.version);
    });

    check('saveStatic() may be read while the guest runs', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      const first = await domain.state.saveStatic();
      await guest.write(pages, 1);
      assert.deepEqual(await domain.state.saveStatic(), first);
    });

    check('save() twice gives records of the same shape: reading is not taking', [], async ({ start }) => {
      const { domain } = await start();
      await domain.suspend();
      // Clocks go on meanwhile, so the contents may differ.
      const shapes = (records: readonly StateRecord[]): unknown[] =>
        records.map(({ type, body }) => [type, body.length]);
      assert.deepEqual(shapes(await domain.state.save()), shapes(await domain.state.save()));
    });

    for (const vcpus of [1, 2]) {
      check(
        `MUST 38: a domain copied by hand stays paused, then runs on (vCPUs: ${vcpus})`,
        ['receive', 'attach'],
        async (scene) => {
          const original = await prepared(scene, vcpus);
          const copy = await copyDomain(scene, original.domain);
          const info = await copy.info();
          assert.deepEqual([info.paused, info.suspended], [true, false], 'finish() does not start it');
          await copy.unpause();
          await assertRunsOn(scene, original, copy);
        },
      );
    }

    check(
      'MUST 44: finishStatic() does without policies, and the domain stays paused and empty',
      ['receive', 'attach'],
      async (scene) => {
        const original = await prepared(scene);
        const shell = await shellFor(scene, original.domain);
        await shell.state.finishStatic();
        const { paused, populatedPages } = await shell.info();
        assert.deepEqual([paused, populatedPages], [true, 0]);
        await shell.destroy();

        const notPolicy = ({ type }: StateRecord): boolean => !POLICIES.has(type);
        const copy = await copyDomain(scene, original.domain, { told: notPolicy });
        assert.equal((await copy.info()).paused, true);
        await copy.unpause();
        await assertRunsOn(scene, original, copy);
      },
    );

    check(
      'MUST 37: a malformed record is BAD_STATE_RECORD, and the domain stays as it was',
      ['receive', 'attach'],
      async (scene) => {
        const original = await prepared(scene);
        const copy = await copyDomain(scene, original.domain, {
          spoil: async (shell) => {
            const records = truncated(await original.domain.state.save());
            assert.ok(records.length > 0, 'no record to spoil');
            for (const record of records) await refusesRecord(shell, record);
          },
        });
        await copy.unpause();
        await assertRunsOn(scene, original, copy);
      },
    );

    check('MUST 37: an empty or endless body is BAD_STATE_RECORD', ['receive'], async (scene) => {
      const { domain } = await scene.start();
      const shell = await shellFor(scene, domain);
      await domain.suspend();
      for (const { type, body } of await domain.state.save()) {
        if (body.length === 0) continue;
        await refusesRecord(shell, { type, body: new Uint8Array(0) });
        await refusesRecord(shell, { type, body: new Uint8Array(1 << 20).fill(0xff) });
      }
    });

    check('a record of a type that it does not know resolves to false', ['receive'], async (scene) => {
      const { domain } = await scene.start();
      const shell = await shellFor(scene, domain);
      assert.equal(await shell.state.restore({ type: 0x7fff_fff0, body: new Uint8Array(8) }), false);
    });

    check('a suspend that is called off leaves the domain as it was', [], async ({ start }) => {
      const { domain, guest, pages } = await start();
      await guest.write(pages, 5);
      await domain.suspend();
      await domain.state.save();
      await domain.resume();
      assert.deepEqual(
        await guest.read(pages),
        pages.map(() => 5),
      );
    });
  },
};
