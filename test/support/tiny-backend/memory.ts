import {
  type Access,
  BackendError,
  Errno,
  type ForeignMemory,
  type HeldPages,
  type Mapping,
  PAGE_SIZE,
  PageType,
} from '../../../src/backends/backend.js';
import { checkSize, mapBatch } from './batch.js';
import type { Registry } from './domain.js';
import { TinyHeldPages } from './held-pages.js';

export class TinyMemory implements ForeignMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #present: Uint8Array;

  constructor(
    readonly pages: number,
    private readonly registry: Registry,
    private readonly suspended: () => boolean,
  ) {
    this.bytes = new Uint8Array(pages * PAGE_SIZE);
    this.words = new Uint32Array(this.bytes.buffer);
    this.#present = new Uint8Array(pages).fill(1);
  }

  get populated(): number {
    return this.#present.reduce((sum, here) => sum + here, 0);
  }

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    this.#checkBatch(gfns);
    return Uint8Array.from(gfns, (gfn) => (this.#present[gfn] ? PageType.NOTAB : PageType.XTAB));
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    this.registry.check();
    let left = 0;
    for (let gfn = 0; gfn < pages; gfn++) {
      if (!this.#present[gfn]) bitmap[gfn >> 3] &= ~(1 << (gfn & 7));
      left += (bitmap[gfn >> 3] >> (gfn & 7)) & 1;
    }
    return left;
  }

  async map(gfns: Uint32Array, _access: Access): Promise<Mapping> {
    this.#checkBatch(gfns);
    return mapBatch(this.bytes, gfns, (gfn) => this.#present[gfn] === 1);
  }

  async populate(gfns: Uint32Array): Promise<void> {
    this.#checkBatch(gfns);
    if (gfns.some((gfn) => gfn >= this.pages)) throw new BackendError('BAD_GFN', 'beyond the domain');
    for (const gfn of gfns) this.#present[gfn] = 1;
  }

  async depopulate(gfns: Uint32Array): Promise<void> {
    this.#checkBatch(gfns);
    for (const gfn of gfns.filter((each) => each < this.pages)) {
      this.#present[gfn] = 0;
      this.words.fill(0, (gfn * PAGE_SIZE) / 4, ((gfn + 1) * PAGE_SIZE) / 4);
    }
  }

  async vital(): Promise<Uint32Array> {
    this.registry.check();
    return new Uint32Array(0);
  }

  async hold(bitmap: Uint8Array, pages: number): Promise<HeldPages> {
    this.registry.check();
    if (!this.suspended()) throw new BackendError('INVALID_STATE', 'not suspended', { errno: Errno.EINVAL });
    const gfns = new Set<number>();
    for (let gfn = 0; gfn < pages; gfn++) if (this.#present[gfn] && (bitmap[gfn >> 3] >> (gfn & 7)) & 1) gfns.add(gfn);
    return new TinyHeldPages(this.bytes, gfns, () => this.registry.checkOpen());
  }

  #checkBatch(gfns: Uint32Array): void {
    this.registry.check();
    checkSize(gfns);
  }
}
