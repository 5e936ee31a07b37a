/** Which pages must travel before a domain runs. The guest's tables are its own, and may say anything. */
import { PAGE_WORDS, Pte } from '../../../src/backends/emulated/mmu/pte.js';
import { Reg, registersOf } from '../../../src/backends/emulated/registers.js';
import { closeHosts, type Stepped, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const [TABLE, LEAF, HOLE] = [700, 701, 702];

/** A paused domain whose root table leads to TABLE, which leads to LEAF, a hole, and beyond memory. */
async function crafted(): Promise<Stepped> {
  const scene = await stepped();
  const { domain } = scene;
  await domain.pause();
  await domain.memory.depopulate(Uint32Array.of(HOLE));
  const { words, contexts, memory } = domain.core.machine;
  const root = registersOf(contexts, 0).u32[Reg.CR3];
  memory.fill(0, TABLE * 4096, (LEAF + 1) * 4096);
  const point = (table: number, entry: number, gfn: number): void => {
    words[table * PAGE_WORDS + entry * 2] = (gfn << 12) | Pte.PRESENT;
  };
  point(root, 511, TABLE);
  for (const [entry, gfn] of [LEAF, HOLE, 5000, TABLE].entries()) point(TABLE, entry, gfn);
  return scene;
}

test('tables that tables lead to, but no holes and nothing beyond memory', async () => {
  const { domain } = await crafted();
  const vital = [...(await domain.memory.vital())];
  expect(vital).toEqual([...vital].sort((a, b) => a - b));
  expect([TABLE, LEAF, HOLE, 5000].map((gfn) => vital.includes(gfn))).toEqual([true, true, false, false]);
  expect(vital).toEqual(expect.arrayContaining([1022, 1023]));
});

test('a missing table is vital, and what its stale bytes say is not', async () => {
  const { domain } = await crafted();
  await domain.paging.enable(() => {});
  expect([...(await domain.paging.evict(Uint32Array.of(TABLE)))]).toEqual([0]);
  const vital = [...(await domain.memory.vital())];
  expect([TABLE, LEAF].map((gfn) => vital.includes(gfn))).toEqual([true, false]);
});
