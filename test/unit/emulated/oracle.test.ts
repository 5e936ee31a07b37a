/** The oracle: a guest's memory and registers are a function of its build and its step counts, whatever happens to it on the way. */

import { controlDigest } from '../../../src/backends/emulated/digest.js';
import { type GuestSpec, programNames } from '../../../src/backends/emulated/guests/index.js';
import { closeHosts, MODES, type Stepped, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const GUESTS: readonly GuestSpec[] = [
  { program: 'idle' },
  { program: 'hot-set', hotMB: 1 },
  { program: 'memtester', regionMB: 1 },
  { program: 'zipf' },
  { program: 'allocator', peakMB: 1 },
  { program: 'churner' },
];

/** A small deterministic generator, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const someGfns = (random: (below: number) => number, count: number): Uint32Array =>
  Uint32Array.from(new Set(Array.from({ length: count }, () => random(1024)))).sort();

/** Takes a few pages out and keeps what was in them. */
async function evict(
  { domain }: Stepped,
  random: (below: number) => number,
  store: Map<number, Uint8Array>,
): Promise<void> {
  const gfns = someGfns(random, 100);
  const copies = Array.from(gfns, (gfn) => domain.core.machine.memory.slice(gfn * 4096, gfn * 4096 + 4096));
  const errors = await domain.paging.evict(gfns);
  gfns.forEach((gfn, i) => {
    if (errors[i] !== 0) return;
    store.set(gfn, copies[i]);
    // What is missing must not be read by accident.
    domain.core.machine.memory.fill(0xee, gfn * 4096, gfn * 4096 + 4096);
  });
}

async function load({ domain }: Stepped, store: Map<number, Uint8Array>, gfns: readonly number[]): Promise<void> {
  const data = new Uint8Array(Buffer.concat(gfns.map((gfn) => store.get(gfn) as Uint8Array)));
  expect([...(await domain.paging.load(Uint32Array.from(gfns), data))]).toEqual(gfns.map(() => 0));
  for (const gfn of gfns) store.delete(gfn);
}

/** Runs both vCPUs; most faults are answered at once, some only in the next round. */
async function runRound(
  scene: Stepped,
  random: (below: number) => number,
  store: Map<number, Uint8Array>,
  faults: Set<number>,
): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    scene.execution.run(turn % 2, random(20));
    const wanted = [...faults].filter((gfn) => store.has(gfn));
    if (wanted.length === 0 || random(8) === 0) continue;
    await load(scene, store, wanted);
    faults.clear();
  }
}

/** Steps, evictions, loads, CLEANs and pauses in random order. */
async function disturb(scene: Stepped, random: (below: number) => number): Promise<void> {
  const { domain } = scene;
  const store = new Map<number, Uint8Array>();
  const faults = new Set<number>();
  await domain.logDirty.enable();
  await domain.paging.enable(({ gfn }) => faults.add(gfn));
  for (let round = 0; round < 60; round++) {
    await domain.pause();
    if (round % 3 === 0) await evict(scene, random, store);
    if (round % 2 === 0) await domain.logDirty.clean(1024);
    await domain.unpause();
    await runRound(scene, random, store, faults);
  }
  if (store.size > 0) await load(scene, store, [...store.keys()]);
}

describe.each(MODES)('%s', (pagingMode) => {
  test.each(GUESTS)(
    '$program: the digest after being paged, cleaned and paused is that of an undisturbed run',
    async (guest) => {
      const scene = await stepped({ guest, pagingMode, vcpus: 2, seed: 11 });
      await disturb(scene, generator(pagingMode === 'hap' ? 5 : 6));
      await scene.domain.pause();
      const { vcpus, corrupt } = scene.domain.guestReport();
      expect(corrupt).toBe(0);
      expect(vcpus.map(({ crashed }) => crashed)).toEqual([undefined, undefined]);
      for (const { steps, misses } of vcpus) {
        expect(steps).toBeGreaterThan(100);
        expect(misses).toBeGreaterThan(0);
      }
      expect(await scene.domain.digest()).toBe(
        await controlDigest(
          scene.spec,
          vcpus.map(({ steps }) => steps),
        ),
      );
    },
  );
});

test('vCPUs may interleave in any way', async () => {
  const build = { guest: { program: 'churner' } as const, vcpus: 2, seed: 3 };
  const [a, b] = [await stepped(build), await stepped(build)];
  a.execution.run(0, 500);
  a.execution.run(1, 300);
  for (let i = 0; i < 500; i++) {
    b.execution.run(0);
    if (i < 300) b.execution.run(1);
  }
  await a.domain.pause();
  await b.domain.pause();
  expect(await a.domain.digest()).toBe(await b.domain.digest());
});

test.each([
  ['one step more', [501]],
  ['one step less', [499]],
])('the digest tells %s', async (_what, steps) => {
  const scene = await stepped();
  scene.execution.run(0, 500);
  await scene.domain.pause();
  expect(await controlDigest(scene.spec, steps)).not.toBe(await scene.domain.digest());
});

test('the digest tells a bit in any page, a page more and a page less', async () => {
  const { domain } = await stepped();
  await domain.pause();
  const digest = await domain.digest();
  const { memory } = domain.core.machine;
  memory[700 * 4096 + 17] ^= 1;
  expect(await domain.digest()).not.toBe(digest);
  memory[700 * 4096 + 17] ^= 1;
  expect(await domain.digest()).toBe(digest);
  await domain.memory.populate(Uint32Array.of(0));
  expect(await domain.digest()).not.toBe(digest);
  await domain.memory.depopulate(Uint32Array.of(0));
  expect(await domain.digest()).toBe(digest);
});

test('another seed gives another guest', async () => {
  const build = (seed: number) => ({ memoryMB: 4, vcpus: 1, guest: { program: 'idle' } as const, seed });
  expect(await controlDigest(build(1), [0])).not.toBe(await controlDigest(build(2), [0]));
  expect(await controlDigest(build(1), [0])).toBe(await controlDigest(build(1), [0]));
});

test('every program but the agent, which takes orders, is put to the oracle', () => {
  expect(programNames.filter((name) => name !== 'agent').sort()).toEqual(GUESTS.map(({ program }) => program).sort());
});

test('a write that a guest did not make is found by the guest itself', async () => {
  const scene = await stepped({ guest: { program: 'hot-set', hotMB: 1 } });
  scene.execution.run(0, 256);
  const { memory } = scene.domain.core.machine;
  for (let gfn = 0; gfn < 1024; gfn++) if (memory[gfn * 4096] === 0x21) memory[gfn * 4096 + 8] ^= 1;
  scene.execution.run(0, 256);
  expect(scene.domain.guestReport().corrupt).toBe(256);
});
