/**
 * The suite is only worth what it catches: each mutant, a good backend with one thing wrong, must fail by the tests that
 * are there for it, and the same tests must pass on the good one.
 */
import type { ConformanceOptions } from './conformance/index.js';
import { MUTANTS, type Mutant, SILENT_MUTANTS } from './conformance/mutants/index.js';
import { type CollectedTest, collect, failure } from './support/collecting-runner.js';
import { virtualFactory } from './support/emulated-fixture.js';
import { TINY_CAPABILITIES } from './support/tiny-backend/backend.js';
import { TINY_LACKS, tinyFixture } from './support/tiny-backend/fixture.js';

type Base = Omit<ConformanceOptions, 'test' | 'describe'>;

/** In virtual time, which is quick and does the same each time. */
const EMULATED: Base = { factory: virtualFactory() };
const TINY: Base = { factory: tinyFixture, capabilities: TINY_CAPABILITIES, lacks: TINY_LACKS };

/** Tests of a suite that are there for `clue`, run on the good backend once, whichever mutants need them. */
class Judge {
  readonly #good: CollectedTest[];
  readonly #passed = new Map<CollectedTest, Promise<unknown>>();

  constructor(private readonly base: Base) {
    this.#good = collect(base);
  }

  /** The titles that fail on the mutant; they pass on the good backend. */
  async failing(mutant: Mutant, clue: string): Promise<string[]> {
    const mutated = collect({ ...this.base, factory: mutant.mutate(this.base.factory) });
    const failed: string[] = [];
    for (const [index, test] of mutated.entries()) {
      if (test.skipped || !test.title.startsWith(clue)) continue;
      expect(await this.#failureOfGood(index)).toBeUndefined();
      if ((await failure(test)) !== undefined) failed.push(`${test.topic}: ${test.title}`);
    }
    return failed;
  }

  #failureOfGood(index: number): Promise<unknown> {
    const test = this.#good[index];
    const known = this.#passed.get(test) ?? failure(test);
    this.#passed.set(test, known);
    return known;
  }
}

function judgeEach(name: string, mutants: readonly Mutant[], base: Base): void {
  const judge = new Judge(base);
  describe(name, () => {
    test.each(mutants)('$name is caught', async (mutant) => {
      for (const clue of mutant.caughtBy) {
        expect({ clue, failing: await judge.failing(mutant, clue) }).not.toEqual({ clue, failing: [] });
      }
    });
  });
}

judgeEach('on the emulated backend', MUTANTS, EMULATED);
judgeEach('on a backend that lacks capabilities', SILENT_MUTANTS, TINY);
