/** Every numbered MUST of the contract is quoted by a test of the conformance suite, and the suite quotes no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTANTS, SILENT_MUTANTS } from '../conformance/mutants/index.js';
import { collect } from '../support/collecting-runner.js';

const CONTRACT = join(__dirname, '..', '..', '..', 'src', 'backends', 'backend.ts');

const numbers = (text: string): Set<number> => new Set([...text.matchAll(/\bMUST (\d+)\b/g)].map(([, n]) => Number(n)));
const sorted = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);

const stated = numbers(readFileSync(CONTRACT, 'utf8'));
const tests = collect({ factory: () => Promise.reject(new Error('not to be run')) });
const quoted = numbers(tests.map(({ title }) => title).join('\n'));

test('the contract numbers its statements without a gap', () => {
  expect(stated.size).toBeGreaterThan(40);
  expect(sorted(stated)).toEqual(Array.from({ length: stated.size }, (_, i) => i + 1));
});

test('every statement is quoted by a test, and every test that quotes quotes one that exists', () => {
  expect(sorted(quoted)).toEqual(sorted(stated));
});

test('no two tests of a topic have one title', () => {
  const names = tests.map(({ topic, title }) => `${topic}: ${title}`);
  expect(new Set(names).size).toBe(names.length);
});

test('for every statement there is a mutant that breaks it', () => {
  const broken = tests
    .filter(({ title }) =>
      [...MUTANTS, ...SILENT_MUTANTS].some(({ caughtBy }) => caughtBy.some((clue) => title.startsWith(clue))),
    )
    .map(({ title }) => title);
  expect(sorted(numbers(broken.join('\n')))).toEqual(sorted(stated));
});
