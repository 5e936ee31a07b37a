/** What the topics of demand paging share: a domain with missing pages, and its faults. */
import assert from 'node:assert/strict';
import { type Domain, MAX_BATCH, PAGE_SIZE, type PageFault, PageType } from '../../../src/backends/backend.js';
import { copyPages, pagesOf } from '../pages.js';
import type { Actor, Scene } from '../runner.js';

/** The faults of a domain, in order, and a way to wait for one. */
export class Faults {
  readonly all: PageFault[] = [];
  readonly #waiting: { match: (fault: PageFault) => boolean; found: (fault: PageFault) => void }[] = [];

  readonly listen = (fault: PageFault): void => {
    this.all.push(fault);
    for (const { match, found } of this.#waiting) if (match(fault)) found(fault);
  };

  /** The first fault of this gfn, past or to come. */
  on(gfn: number): Promise<PageFault> {
    const match = (fault: PageFault): boolean => fault.gfn === gfn;
    const seen = this.all.find(match);
    return seen ? Promise.resolve(seen) : this.#comes(match);
  }

  /** The next fault, whatever it is. */
  next(): Promise<PageFault> {
    return this.#comes(() => true);
  }

  #comes(match: (fault: PageFault) => boolean): Promise<PageFault> {
    return new Promise((found) => this.#waiting.push({ match, found }));
  }
}

export interface Paged extends Actor {
  readonly faults: Faults;
}

/** A running domain of which `missing` (all the program's pages, if left out) are taken out. Their first words were `word`. */
export async function paged(
  scene: Scene,
  word: number,
  choose = (pages: Uint32Array): Uint32Array => pages,
  vcpus = 1,
): Promise<Paged> {
  const actor = await scene.start({ vcpus });
  await actor.guest.write(actor.pages, word);
  const faults = new Faults();
  await actor.domain.paging.enable(faults.listen);
  await takeOut(actor.domain, choose(actor.pages));
  return { ...actor, faults };
}

/** Evicts pages of a running domain, under a pause. */
export async function takeOut(domain: Domain, gfns: Uint32Array): Promise<void> {
  await domain.pause();
  assert.deepEqual(
    [...(await domain.paging.evict(gfns))],
    [...gfns].map(() => 0),
    'plain pages can be evicted',
  );
  await domain.unpause();
}

export async function loadAll(domain: Domain, gfns: Uint32Array, word: number): Promise<Int32Array> {
  return domain.paging.load(gfns, pagesOf([...gfns].map(() => word)));
}

/** Evicts all but the vital pages, keeping copies; returns the copies. A page that is refused stays. */
export async function evictAlmostAll(domain: Domain): Promise<Map<number, Uint8Array>> {
  const { nrGfns } = await domain.info();
  const vital = new Set(await domain.memory.vital());
  const copies = new Map<number, Uint8Array>();
  for (let start = 0; start < nrGfns; start += MAX_BATCH) {
    const batch = Uint32Array.from({ length: Math.min(MAX_BATCH, nrGfns - start) }, (_, i) => start + i);
    const types = await domain.memory.types(batch);
    const gfns = batch.filter((gfn, i) => !vital.has(gfn) && types[i] !== PageType.XTAB);
    const data = await copyPages(domain, gfns);
    const errors = await domain.paging.evict(gfns);
    gfns.forEach((gfn, i) => {
      if (errors[i] === 0) copies.set(gfn, data.slice(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
    });
  }
  return copies;
}
