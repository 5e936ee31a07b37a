import fc from 'fast-check';
import { type Extent, Ram } from '../../../src/backends/emulated/ram.js';

const PAGE = 4096;

test('first fit, and neighbours are joined again when they come back', async () => {
  const ram = new Ram(100 * PAGE);
  const [a, b, c] = [ram.allocate(30), ram.allocate(30), ram.allocate(40)] as [Extent, Extent, Extent];
  expect([a.first, b.first, c.first]).toEqual([0, 30, 60]);
  expect(ram.allocate(1)).toBeUndefined();
  await ram.release(a, 30);
  await ram.release(c, 40);
  expect(ram.freePages).toBe(70);
  expect(ram.allocate(50)).toBeUndefined();
  await ram.release(b, 30);
  expect(ram.allocate(100)).toEqual({ first: 0, pages: 100 });
});

test('no pages, or fewer than none, are never given out', () => {
  const ram = new Ram(10 * PAGE);
  expect(ram.allocate(0)).toBeUndefined();
  expect(ram.allocate(-1)).toBeUndefined();
});

test('every page that is given out is zero, extents never overlap, and nothing gets lost', async () => {
  const action = fc.record({ take: fc.integer({ min: 1, max: 12 }), drop: fc.boolean(), which: fc.nat() });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const ram = new Ram(32 * PAGE);
      const held: Extent[] = [];
      for (const { take, drop, which } of actions) {
        if (drop && held.length > 0) {
          const [extent] = held.splice(which % held.length, 1);
          await ram.release(extent, extent.pages);
          continue;
        }
        const extent = ram.allocate(take);
        if (!extent) continue;
        expect(ram.view(extent).every((byte) => byte === 0)).toBe(true);
        ram.view(extent).fill(0xaa);
        held.push(extent);
      }
      const pages = held.flatMap(({ first, pages }) => Array.from({ length: pages }, (_, i) => first + i));
      expect(new Set(pages).size).toBe(pages.length);
      expect(ram.freePages + pages.length).toBe(32);
    }),
    { numRuns: 100 },
  );
});
