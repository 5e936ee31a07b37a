import type { PageFault } from '../backend.js';

/** Slots of Xen's ring: one page of it holds eight requests and responses. */
export const RING_SLOTS = 8;

/**
 * The ring of paging requests. A request holds its slot until its page is there; with all slots held, further vCPUs wait for
 * one. Bounded by itself: a vCPU waits for one page at a time.
 */
export class FaultRing {
  private isOpen = false;
  private readonly slots = new Set<PageFault>();
  private readonly waiting: PageFault[] = [];

  constructor(
    private readonly onFault: (fault: PageFault) => void,
    private readonly isMissing: (gfn: number) => boolean,
  ) {}

  /** From here on the pager hears of requests. */
  open(): void {
    this.isOpen = true;
    this.settle();
  }

  request(fault: PageFault): void {
    this.waiting.push(fault);
    if (this.isOpen) this.settle();
  }

  /** The guest gave a missing page back: told at once and answered at once. */
  drop(gfn: number): void {
    this.settle();
    this.onFault({ gfn, vcpu: 0, kind: 'dropped' });
  }

  /** Answers the requests whose pages have come, and posts those that waited for a slot. */
  settle(): void {
    for (const fault of this.slots) if (!this.isMissing(fault.gfn)) this.slots.delete(fault);
    while (this.isOpen && this.slots.size < RING_SLOTS) {
      const next = this.waiting.shift();
      if (!next) return;
      this.post(next);
    }
  }

  /** A page that came before its request was read needs no answer. */
  private post(fault: PageFault): void {
    if (!this.isMissing(fault.gfn)) return;
    this.slots.add(fault);
    this.onFault(fault);
  }
}
