import { pageOps } from '../../native/index.js';
import {
  type Access,
  Errno,
  type ForeignMemory,
  type HeldPages,
  MAX_BATCH,
  type Mapping,
  PageType,
} from '../backend.js';
import { checkBatch } from './batch.js';
import type { DomainCore } from './core.js';
import { EmulatedHeldPages } from './held-pages.js';
import { isMissing, P2m } from './machine.js';
import { vitalPages } from './vital.js';

/** Pages seen from outside. An HVM guest's page is shown as it is. */
export class EmulatedMemory implements ForeignMemory {
  constructor(private readonly core: DomainCore) {}

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    checkBatch(this.core, gfns);
    await this.core.execution.spend('hypercall', 1);
    const { p2m } = this.core.machine;
    const types = new Uint8Array(gfns.length);
    // Out of range reads as undefined: a hole too.
    for (let i = 0; i < gfns.length; i++) types[i] = p2m[gfns[i]] === P2m.RAM ? PageType.NOTAB : PageType.XTAB;
    return types;
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    this.core.check();
    const { p2m } = this.core.machine;
    const gfns = new Uint32Array(MAX_BATCH);
    let left = 0;
    for (let next = 0; ; ) {
      const count = pageOps.bitmapToGfns(bitmap, pages, next, gfns);
      if (count === 0) return left;
      await this.core.execution.spend('hypercall', 1);
      this.core.check();
      const batch = gfns.subarray(0, count);
      left +=
        count -
        pageOps.bitmapClear(
          bitmap,
          batch.filter((gfn) => p2m[gfn] !== P2m.RAM),
        );
      next = batch[count - 1] + 1;
    }
  }

  async map(gfns: Uint32Array, _access: Access): Promise<Mapping> {
    checkBatch(this.core, gfns);
    await this.core.execution.spend('map-page', gfns.length);
    this.core.check();
    return this.core.mappings.open(gfns);
  }

  async populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    checkBatch(this.core, gfns);
    this.checkRoom(gfns);
    await this.core.execution.spend('populate-page', gfns.length);
    this.core.check();
    const { core } = this;
    const holes = holesAmong(core.machine.p2m, gfns, types);
    // Pages of holes are zero already: everything is scrubbed when it becomes one.
    core.populated += pageOps.setBytesAt(core.machine.p2m, holes, P2m.RAM);
    core.nrGfns = Math.max(core.nrGfns, highest(holes) + 1);
  }

  async depopulate(gfns: Uint32Array): Promise<void> {
    checkBatch(this.core, gfns);
    const dropped = await this.core.held(() => this.takeAway(gfns));
    this.core.execution.loaded(Uint32Array.from(dropped));
    for (const gfn of dropped) this.core.onDropped(gfn);
  }

  async vital(): Promise<Uint32Array> {
    this.core.check();
    await this.core.execution.spend('hypercall', 1);
    return vitalPages(this.core);
  }

  async hold(bitmap: Uint8Array, pages: number): Promise<HeldPages> {
    const { core } = this;
    core.check();
    if (!core.suspended) throw core.error('INVALID_STATE', 'pages are held of a suspended domain only', Errno.EINVAL);
    const wanted = clipped(bitmap, pages, core.machine.maxPages);
    const count = await this.dropHoles(wanted, core.machine.maxPages);
    await core.execution.spend('map-page', count);
    core.check();
    return new EmulatedHeldPages(core, wanted, count);
  }

  /** Makes holes; returns the gfns that were missing. */
  private takeAway(gfns: Uint32Array): number[] {
    const { core } = this;
    const { p2m } = core.machine;
    const taken: number[] = [];
    const missing: number[] = [];
    for (const gfn of gfns) {
      if (gfn >= core.machine.maxPages || isHole(p2m[gfn])) continue;
      if (isMissing(p2m[gfn])) missing.push(gfn);
      Atomics.store(p2m, gfn, P2m.BALLOONED);
      taken.push(gfn);
    }
    core.scrub(taken);
    core.populated -= taken.length - missing.length;
    core.paged -= missing.length;
    return missing;
  }

  private checkRoom(gfns: Uint32Array): void {
    const { core } = this;
    const last = highest(gfns);
    if (last >= core.spec.hostPages)
      throw core.error(
        'BAD_GFN',
        `gfn ${last} is beyond any domain of this host (${core.spec.hostPages} pages)`,
        Errno.EINVAL,
      );
    if (last >= core.machine.maxPages)
      throw core.error('NO_MEMORY', `gfn ${last} is beyond the domain's ${core.machine.maxPages} pages`, Errno.ENOMEM);
  }
}

const isHole = (state: number): boolean => state === P2m.NONE || state === P2m.BALLOONED;

/** A copy of the first `pages` bits, in a bitmap for `size` pages. */
function clipped(bitmap: Uint8Array, pages: number, size: number): Uint8Array {
  const copy = new Uint8Array(Math.ceil(size / 8));
  const end = Math.min(pages, size);
  copy.set(bitmap.subarray(0, Math.ceil(end / 8)));
  if (end % 8 > 0) copy[end >>> 3] &= (1 << (end & 7)) - 1;
  return copy;
}

// Plain loops, on plain numbers: these run for every page that a migration brings.

/** -1 if there is none. */
function highest(gfns: Uint32Array): number {
  let last = -1;
  for (let i = 0; i < gfns.length; i++) if (gfns[i] > last) last = gfns[i];
  return last;
}

/** The gfns that have no page and shall get one. */
function holesAmong(p2m: Uint8Array, gfns: Uint32Array, types?: Uint8Array): Uint32Array {
  const holes = new Uint32Array(gfns.length);
  let count = 0;
  for (let i = 0; i < gfns.length; i++) {
    if (types !== undefined && (types[i] === PageType.XTAB || types[i] === PageType.BROKEN)) continue;
    if (isHole(p2m[gfns[i]])) holes[count++] = gfns[i];
  }
  return holes.subarray(0, count);
}
