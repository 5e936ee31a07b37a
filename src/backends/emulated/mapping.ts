import { pageOps } from '../../native/index.js';
import { Errno, type Mapping, NOT_MAPPED } from '../backend.js';
import { isMissing, type Machine, P2m } from './machine.js';

/** Pages that somebody holds beside what is mapped. */
export interface Held {
  readonly bitmap: Uint8Array;
  readonly count: number;
}

/** The live mappings of one domain: what keeps its pages from being evicted, and its memory from being freed. */
export class MappingTable {
  private readonly live = new Map<Mapping, Uint32Array>();
  private readonly held = new Set<Held>();
  private waiter?: () => void;

  constructor(private readonly machine: Machine) {}

  /** Pages mapped now, in all mappings, and those that are held. */
  get mappedPages(): number {
    let pages = 0;
    for (const [{ failed }, gfns] of this.live) pages += gfns.length - failed;
    for (const { count } of this.held) pages += count;
    return pages;
  }

  /** Maps a batch; `gfns` is copied. `errnoOf`: why a page cannot be mapped, or 0. */
  open(gfns: Uint32Array, errnoOf = (gfn: number): number => this.errnoOf(gfn)): Mapping {
    const slots = gfns.slice();
    const errors = new Int32Array(gfns.length);
    let failed = 0;
    for (let i = 0; i < gfns.length; i++) {
      const errno = errnoOf(gfns[i]);
      if (errno === 0) continue;
      slots[i] = NOT_MAPPED;
      errors[i] = errno;
      failed++;
    }
    const mapping: Mapping = {
      base: this.machine.memory,
      slots,
      errors,
      failed,
      unmap: () => this.close(mapping),
      [Symbol.dispose]: () => this.close(mapping),
    };
    this.live.set(mapping, gfns.slice());
    return mapping;
  }

  /** Keeps these pages as a mapping does, until drop(). */
  keep(held: Held): void {
    this.held.add(held);
  }

  drop(held: Held): void {
    if (this.held.delete(held)) this.settle();
  }

  /** A bitmap of the pages that are mapped or held. */
  bitmap(): Uint8Array {
    const bitmap = new Uint8Array(Math.ceil(this.machine.maxPages / 8));
    for (const held of this.held) pageOps.bitmapOr(bitmap, held.bitmap);
    for (const mapping of this.live.keys()) {
      const slots = mapping.failed === 0 ? mapping.slots : mapping.slots.filter((slot) => slot !== NOT_MAPPED);
      pageOps.bitmapSet(bitmap, slots);
    }
    return bitmap;
  }

  /** Resolves when nothing is mapped or held. Asked for once, at the domain's end. */
  empty(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiter = resolve;
    });
  }

  private get idle(): boolean {
    return this.live.size === 0 && this.held.size === 0;
  }

  private close(mapping: Mapping): void {
    if (this.live.delete(mapping)) this.settle();
  }

  private settle(): void {
    if (this.idle) this.waiter?.();
  }

  /** Xen: EINVAL for a hole, ENOENT for a page that is paged out. */
  private errnoOf(gfn: number): number {
    if (gfn >= this.machine.maxPages) return Errno.EINVAL;
    const state = this.machine.p2m[gfn];
    if (state === P2m.RAM) return 0;
    return isMissing(state) ? Errno.ENOENT : Errno.EINVAL;
  }
}
