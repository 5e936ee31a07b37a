import {
  type Access,
  BackendError,
  Errno,
  type ForeignMemory,
  MAX_BATCH,
  type Mapping,
  NOT_MAPPED,
  PAGE_SIZE,
  PageType,
} from '../../../src/backends/backend.js';

export class TinyMemory implements ForeignMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #present: Uint8Array;

  constructor(
    readonly pages: number,
    private readonly check: () => void,
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
    this.check();
    let left = 0;
    for (let gfn = 0; gfn < pages; gfn++) {
      if (!this.#present[gfn]) bitmap[gfn >> 3] &= ~(1 << (gfn & 7));
      left += (bitmap[gfn >> 3] >> (gfn & 7)) & 1;
    }
    return left;
  }

  async map(gfns: Uint32Array, _access: Access): Promise<Mapping> {
    this.#checkBatch(gfns);
    const slots = gfns.map((gfn) => (this.#present[gfn] ? gfn : NOT_MAPPED));
    const errors = Int32Array.from(slots, (slot) => (slot === NOT_MAPPED ? Errno.ENOENT : 0));
    const failed = errors.filter((errno) => errno !== 0).length;
    const unmap = (): void => undefined;
    return { base: this.bytes, slots, errors, failed, unmap, [Symbol.dispose]: unmap };
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
    this.check();
    return new Uint32Array(0);
  }

  #checkBatch(gfns: Uint32Array): void {
    this.check();
    if (gfns.length > MAX_BATCH)
      throw new BackendError('INVALID_ARGUMENT', `${gfns.length} gfns, at most ${MAX_BATCH}`);
  }
}
