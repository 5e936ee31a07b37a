import type { HeldPages, Mapping } from '../../../src/backends/backend.js';
import { checkSize, mapBatch } from './batch.js';

/** The memory of a domain that is gone lives as long as somebody refers to it. */
export class TinyHeldPages implements HeldPages {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly gfns: Set<number>,
    private readonly checkOpen: () => void,
  ) {}

  get count(): number {
    return this.gfns.size;
  }

  map(gfns: Uint32Array): Mapping {
    this.checkOpen();
    checkSize(gfns);
    return mapBatch(this.bytes, gfns, (gfn) => this.gfns.has(gfn));
  }

  release(gfns: Uint32Array): void {
    for (const gfn of gfns) this.gfns.delete(gfn);
  }

  [Symbol.dispose](): void {
    this.gfns.clear();
  }
}
