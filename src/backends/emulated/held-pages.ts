import { pageOps } from '../../native/index.js';
import { Errno, type HeldPages, type Mapping } from '../backend.js';
import { checkSize } from './batch.js';
import type { DomainCore } from './core.js';
import type { Held } from './mapping.js';

/** Pages of a domain's extent, which is not given back to the host before they are let go. */
export class EmulatedHeldPages implements HeldPages, Held {
  private left: number;

  /** `bitmap`: of the `count` pages held; its owner from here on. */
  constructor(
    private readonly core: DomainCore,
    readonly bitmap: Uint8Array,
    count: number,
  ) {
    this.left = count;
    if (count > 0) core.mappings.keep(this);
  }

  get count(): number {
    return this.left;
  }

  map(gfns: Uint32Array): Mapping {
    if (this.core.spec.hostClosed()) throw this.core.error('CLOSED', 'the hypervisor of this domain has been closed');
    checkSize(this.core, gfns);
    return this.core.mappings.open(gfns, (gfn) => (this.holds(gfn) ? 0 : Errno.EINVAL));
  }

  release(gfns: Uint32Array): void {
    const limit = this.bitmap.length * 8;
    const known = gfns.filter((gfn) => gfn < limit);
    this.left -= pageOps.bitmapClear(this.bitmap, known);
    if (this.left === 0) this.core.mappings.drop(this);
  }

  [Symbol.dispose](): void {
    this.bitmap.fill(0);
    this.left = 0;
    this.core.mappings.drop(this);
  }

  /** Out of range reads as undefined: not held either. */
  private holds(gfn: number): boolean {
    return (this.bitmap[gfn >>> 3] & (1 << (gfn & 7))) !== 0;
  }
}
