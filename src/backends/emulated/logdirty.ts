import { type DirtyStats, Errno, type LogDirty } from '../backend.js';
import type { DomainCore } from './core.js';
import { Control, flushTranslations, LOG_DIRTY_LEAF_GFNS } from './machine.js';

/** Log-dirty mode as in paging_log_dirty_op() (xen/arch/x86/mm/paging.c). */
export class EmulatedLogDirty implements LogDirty {
  private busy = false;

  constructor(private readonly core: DomainCore) {}

  async enable(): Promise<void> {
    await this.exclusively(async () => {
      if (this.on) throw this.core.error('INVALID_STATE', 'log-dirty is on already', Errno.EINVAL);
      await this.core.execution.spend('hypercall', 1);
      await this.core.held(() => this.switch(1));
    });
  }

  async disable(): Promise<void> {
    await this.exclusively(async () => {
      await this.core.execution.spend('hypercall', 1);
      if (this.on) await this.core.held(() => this.switch(0));
    });
  }

  async peek(pages: number, bitmap?: Uint8Array): Promise<DirtyStats> {
    this.checkArguments(pages, bitmap);
    if (this.dead()) return blank(pages);
    return this.exclusively(async () => {
      await this.core.execution.spend('hypercall', 1);
      // A snapshot needs no pause: every bit is right at the moment that it is read.
      if (bitmap) this.report(pages, bitmap);
      return this.stats(pages);
    });
  }

  async clean(pages: number, bitmap?: Uint8Array, _final = false): Promise<DirtyStats> {
    this.checkArguments(pages, bitmap);
    if (this.dead()) return blank(pages);
    return this.exclusively(async () => {
      await this.core.execution.spend('hypercall', 1);
      return this.core.held(async () => {
        await this.core.execution.spend('clean', pages);
        if (bitmap) this.report(pages, bitmap);
        const stats = this.stats(pages);
        this.reset(pages);
        return stats;
      });
    });
  }

  private get on(): boolean {
    return this.core.machine.control[Control.LOG_DIRTY] === 1;
  }

  /** Xen up to 4.17: operations on a dying domain succeed and leave the buffer alone. */
  private dead(): boolean {
    this.core.check(true);
    return this.core.dying;
  }

  private switch(on: 0 | 1): void {
    const { machine } = this.core;
    machine.dirty.fill(0);
    Atomics.store(machine.control, Control.LOG_DIRTY, on);
    flushTranslations(machine);
  }

  /** The bits from the highest gfn on are 0 in `dirty` too. */
  private report(pages: number, bitmap: Uint8Array): void {
    const bytes = Math.ceil(pages / 8);
    const known = this.core.machine.dirty.subarray(0, bytes);
    bitmap.set(known);
    bitmap.fill(0, known.length, bytes);
  }

  private stats(pages: number): DirtyStats {
    const { control } = this.core.machine;
    return {
      pages,
      dirtyCount: Atomics.load(control, Control.DIRTY_COUNT) >>> 0,
      faultCount: Atomics.load(control, Control.FAULT_COUNT) >>> 0,
    };
  }

  /** Clears the leaves that `pages` touch, all counters, and every permission to write. */
  private reset(pages: number): void {
    const { machine } = this.core;
    const leaves = Math.ceil(pages / LOG_DIRTY_LEAF_GFNS);
    machine.dirty.fill(0, 0, leaves * (LOG_DIRTY_LEAF_GFNS / 8));
    Atomics.store(machine.control, Control.DIRTY_COUNT, 0);
    Atomics.store(machine.control, Control.FAULT_COUNT, 0);
    flushTranslations(machine);
  }

  private checkArguments(pages: number, bitmap: Uint8Array | undefined): void {
    this.core.check(true);
    if (!Number.isSafeInteger(pages) || pages < 0)
      throw this.core.error('INVALID_ARGUMENT', `${pages} is not a number of pages`, Errno.EINVAL);
    if (bitmap && bitmap.length < Math.ceil(pages / 8))
      throw this.core.error(
        'BAD_BUFFER',
        `${pages} pages need a bitmap of ${Math.ceil(pages / 8)} bytes, not ${bitmap.length}`,
        Errno.EFAULT,
      );
  }

  private async exclusively<T>(body: () => Promise<T>): Promise<T> {
    this.core.check(true);
    if (this.busy) throw this.core.error('BUSY', 'another log-dirty operation is under way', Errno.EBUSY);
    this.busy = true;
    try {
      return await body();
    } finally {
      this.busy = false;
    }
  }
}

const blank = (pages: number): DirtyStats => ({ pages, dirtyCount: 0, faultCount: 0 });
