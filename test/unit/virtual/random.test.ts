import { Random } from '../../../src/backends/emulated/virtual/random.js';

const draws = (seed: number, count = 1000): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.next());
};

test('a seed gives the same choices on every machine', () => {
  expect(draws(1, 3)).toEqual([1348811757, 3428229867, 2634278455]);
  expect(draws(1)).toEqual(draws(1));
  expect(draws(2)).not.toEqual(draws(1));
  expect(new Set(draws(0)).size).toBe(1000);
});

test('between() reaches both of its ends and nothing else, evenly', () => {
  const random = new Random(9);
  const counts = new Map<number, number>();
  for (let i = 0; i < 7000; i++) {
    const value = random.between(-3, 3);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('pick() needs something to pick from', () => {
  expect(['a', 'b']).toContain(new Random(1).pick(['a', 'b']));
  expect(() => new Random(1).pick([])).toThrow(RangeError);
});
