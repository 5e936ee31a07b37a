/** Log-dirty against a guest that does not stop writing: the property every migration stands on. */
import assert from 'node:assert/strict';
import type { Domain } from '../../../src/backends/backend.js';
import { isSet, peekWords } from '../pages.js';
import type { Topic } from '../runner.js';
import { cleanAll, type Log, logged, peekAll } from './log.js';

const ROUNDS = 30;

/** A copy kept as a migration keeps it: only pages that CLEAN reports are copied again. */
class Copy {
  readonly #words: Uint32Array;

  private constructor(
    private readonly domain: Domain,
    private readonly gfns: Uint32Array,
    words: Uint32Array,
  ) {
    this.#words = words;
  }

  static async of(domain: Domain, gfns: Uint32Array): Promise<Copy> {
    return new Copy(domain, gfns, await peekWords(domain, gfns));
  }

  /** Copies what `log` reports. Returns how many pages that were. */
  async refresh({ bitmap }: Log): Promise<number> {
    const words = await peekWords(this.domain, this.gfns);
    const dirty = this.gfns.map((gfn) => Number(isSet(bitmap, gfn)));
    dirty.forEach((isDirty, index) => {
      if (isDirty) this.#words[index] = words[index];
    });
    return dirty.reduce((sum, isDirty) => sum + isDirty, 0);
  }

  /** Every page that `pending` does not report equals the copy. The domain is paused. */
  async verify({ bitmap }: Log, when: string): Promise<void> {
    const words = await peekWords(this.domain, this.gfns);
    this.gfns.forEach((gfn, index) => {
      if (isSet(bitmap, gfn)) return;
      assert.equal(words[index], this.#words[index], `${when}: a write to gfn ${gfn} is in no bitmap`);
    });
  }
}

/** Rounds of CLEAN and copy on a running guest, the copy checked in each. Returns how many pages were reported. */
async function account(domain: Domain, copy: Copy, sleep: (ms: number) => Promise<void>): Promise<number> {
  let reported = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Back to back, and then with ever longer pauses in between: the race is in the moment of the CLEAN, and a guest that shares a
    // core with us must get to write at all.
    if (round % 3 === 2) await sleep(round);
    reported += await copy.refresh(await cleanAll(domain));
    await domain.pause();
    await copy.verify(await peekAll(domain), `round ${round}`);
    await domain.unpause();
  }
  return reported;
}

export const races: Topic = {
  name: 'log-dirty: races',
  register(check) {
    for (const vcpus of [1, 2]) {
      const title = `MUST 21: no write is lost while clean() runs again and again (vCPUs: ${vcpus})`;
      check(title, ['logDirty', 'scribble'], async (scene) => {
        const { domain, guest, pages } = await logged(scene, { vcpus });
        await guest.scribble(pages);
        await domain.pause();
        await cleanAll(domain);
        const copy = await Copy.of(domain, pages);
        await domain.unpause();
        assert.ok((await account(domain, copy, scene.sleep)) > 0, 'the guest wrote nothing, so nothing was shown');
        await guest.settle();
      });
    }

    check('MUST 21: a write that has been answered is in the next bitmap', ['logDirty'], async (scene) => {
      const { domain, guest, pages } = await logged(scene);
      const seen = new Set<number>();
      let busy = true;
      const collect = async (): Promise<void> => {
        const { bitmap } = await cleanAll(domain);
        for (const gfn of pages) if (isSet(bitmap, gfn)) seen.add(gfn);
      };
      const collectAll = async (): Promise<void> => {
        while (busy) {
          await collect();
          await scene.sleep(1);
        }
      };
      const writeAll = async (): Promise<void> => {
        for (let at = 0; at < pages.length; at += 8) await guest.write(pages.subarray(at, at + 8), 5);
      };
      const stop = (): void => {
        busy = false;
      };
      await Promise.all([collectAll(), writeAll().finally(stop)]);
      const { bitmap } = await cleanAll(domain);
      for (const gfn of pages) assert.ok(seen.has(gfn) || isSet(bitmap, gfn), `gfn ${gfn} is in no bitmap`);
    });
  },
};
