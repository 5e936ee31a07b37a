import type { XenOps } from '../../../native/index.js';
import { gfnLimit } from '../limits.js';

/**
 * Which pages of a domain are out. Whoever maps one waits for it to come back, in the kernel and for ever
 * (tools/libs/foreignmemory/linux.c), so it must be asked first.
 */
export class PagesOut {
  /** Bit n of byte k: gfn 8k + n. */
  bits = new Uint8Array(0);

  /** So many gfns can be out from now on; none is. */
  makeRoom(maxPages: number): void {
    this.bits = new Uint8Array(Math.ceil(gfnLimit(maxPages) / 8));
  }

  /** They are taken out here, and nowhere else. */
  get isKept(): boolean {
    return this.bits.length > 0;
  }

  has(gfn: number): boolean {
    return (this.bits[gfn >> 3] & (1 << (gfn & 7))) !== 0;
  }

  /** Those that are not; `gfns` itself where that is all of them, as it mostly is. */
  thoseHere(gfns: Uint32Array, ops: Pick<XenOps, 'wanting'>): Uint32Array {
    if (this.bits.length === 0) return gfns;
    const here = new Uint32Array(gfns.length);
    const count = ops.wanting(gfns, undefined, this.bits, here);
    return count === gfns.length ? gfns : here.subarray(0, count);
  }
}
