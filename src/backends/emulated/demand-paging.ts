import { pageOps } from '../../native/index.js';
import { type DemandPaging, Errno, PAGE_SIZE, type PageFault } from '../backend.js';
import { checkBatch } from './batch.js';
import type { DomainCore } from './core.js';
import { FaultRing } from './fault-ring.js';
import { Control, flushTranslations, isMissing, type Machine, P2m } from './machine.js';
import { specialPagesOf } from './vital.js';

/** Missing pages, as mem_paging has them (xen/arch/x86/mm/mem_paging.c). */
export class EmulatedPaging implements DemandPaging {
  private ring?: FaultRing;

  constructor(private readonly core: DomainCore) {
    core.onMissing = (vcpu, gfn) => this.ring?.request({ gfn, vcpu, kind: 'wait' });
    core.onDropped = (gfn) => this.ring?.drop(gfn);
  }

  async enable(onFault: (fault: PageFault) => void): Promise<void> {
    this.core.check();
    if (this.ring) throw this.core.error('BUSY', 'the paging ring is open already', Errno.EBUSY);
    const { p2m } = this.core.machine;
    const ring = new FaultRing(onFault, (gfn) => isMissing(Atomics.load(p2m, gfn)));
    this.ring = ring;
    await this.core.execution.spend('hypercall', 1);
    ring.open();
  }

  async evict(gfns: Uint32Array): Promise<Int32Array> {
    checkBatch(this.core, gfns);
    if (!this.ring) throw this.core.error('INVALID_STATE', 'the paging ring is not open: enable() first', Errno.ENODEV);
    if (!this.core.stopped)
      throw this.core.error('INVALID_STATE', 'pages are evicted from a paused domain only', Errno.EINVAL);
    return this.core.held(async () => {
      await this.core.execution.spend('evict-page', gfns.length);
      return this.takeOut(gfns);
    });
  }

  async load(gfns: Uint32Array, data: Uint8Array): Promise<Int32Array> {
    checkBatch(this.core, gfns);
    if (data.length < gfns.length * PAGE_SIZE)
      throw this.core.error(
        'BAD_BUFFER',
        `${gfns.length} pages need ${gfns.length * PAGE_SIZE} bytes, not ${data.length}`,
        Errno.EFAULT,
      );
    await this.core.execution.spend('load-page', gfns.length);
    this.core.check();
    const { machine } = this.core;
    const errors = allMissing(machine, gfns) ? loadAll(machine, gfns, data) : loadEach(machine, gfns, data);
    const loaded = gfns.filter((_, i) => errors[i] === 0);
    this.core.paged -= loaded.length;
    this.core.populated += loaded.length;
    this.core.execution.loaded(loaded);
    this.ring?.settle();
    return errors;
  }

  async disable(): Promise<void> {
    this.core.check();
    if (this.core.paged > 0)
      throw this.core.error(
        'BUSY',
        `${this.core.paged} pages are still missing`,
        Errno.EBUSY,
        'load every missing page first',
      );
    this.ring = undefined;
  }

  /** EBUSY as nominate and evict say it: whatever is not plain RAM with a single reference. */
  private takeOut(gfns: Uint32Array): Int32Array {
    const { core } = this;
    const { machine } = core;
    const errors = new Int32Array(gfns.length);
    const refused = core.mappings.bitmap();
    pageOps.bitmapSet(refused, Uint32Array.from(specialPagesOf(core)));
    for (let i = 0; i < gfns.length; i++) {
      const gfn = gfns[i];
      if (gfn >= machine.maxPages || machine.p2m[gfn] !== P2m.RAM) errors[i] = Errno.ENOENT;
      else if ((refused[gfn >>> 3] & (1 << (gfn & 7))) !== 0) errors[i] = Errno.EBUSY;
      else {
        Atomics.store(machine.p2m, gfn, P2m.PAGED_OUT);
        core.paged++;
        core.populated--;
      }
    }
    flushTranslations(machine);
    return errors;
  }
}

/** Ascending, so that no gfn is there twice, and none present: the usual batch. */
function allMissing({ p2m, maxPages }: Machine, gfns: Uint32Array): boolean {
  for (let i = 0, last = -1; i < gfns.length; last = gfns[i++])
    if (gfns[i] <= last || gfns[i] >= maxPages || !isMissing(Atomics.load(p2m, gfns[i]))) return false;
  return true;
}

/** The bytes first, then a barrier, then the p2m: whoever sees the page sees all of it. */
function loadAll(machine: Machine, gfns: Uint32Array, data: Uint8Array): Int32Array {
  pageOps.scatter(data.subarray(0, gfns.length * PAGE_SIZE), machine.memory, gfns);
  Atomics.add(machine.control, Control.HOLD, 0);
  pageOps.setBytesAt(machine.p2m, gfns, P2m.RAM);
  return new Int32Array(gfns.length);
}

function loadEach(machine: Machine, gfns: Uint32Array, data: Uint8Array): Int32Array {
  const errors = new Int32Array(gfns.length);
  for (let i = 0; i < gfns.length; i++) {
    const gfn = gfns[i];
    if (gfn >= machine.maxPages || !isMissing(Atomics.load(machine.p2m, gfn))) {
      errors[i] = Errno.ENOENT;
      continue;
    }
    machine.memory.set(data.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE), gfn * PAGE_SIZE);
    Atomics.store(machine.p2m, gfn, P2m.RAM);
  }
  return errors;
}
