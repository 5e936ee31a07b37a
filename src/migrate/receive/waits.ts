import type { Clock } from '../io/clock.js';
import { Latencies } from './latency.js';

/** vCPUs that wait for pages: since when, and for how long they have waited altogether. At most one page a vCPU. */
export class Waits {
  readonly latencies = new Latencies();
  private readonly pages = new Map<number, Map<number, number>>();
  /** Waits that have ended. */
  ended = 0;
  private readonly blocked: number[];

  constructor(
    private readonly clock: Clock,
    vcpus: number,
  ) {
    this.blocked = new Array<number>(vcpus).fill(0);
  }

  /** Returns whether this is the first vCPU that waits for the page. */
  begin(gfn: number, vcpu: number): boolean {
    const waiting = this.pages.get(gfn);
    if (waiting) {
      waiting.set(vcpu, this.clock.now());
      return false;
    }
    this.pages.set(gfn, new Map([[vcpu, this.clock.now()]]));
    return true;
  }

  get any(): boolean {
    return this.pages.size > 0;
  }

  /** Pages that are waited for, and the first vCPU that does. */
  all(): { gfn: number; vcpu: number }[] {
    return Array.from(this.pages, ([gfn, vcpus]) => ({ gfn, vcpu: vcpus.keys().next().value ?? 0 }));
  }

  /** The page is there. Returns how long its first vCPU waited, or undefined if none did. */
  end(gfn: number): number | undefined {
    const waiting = this.pages.get(gfn);
    if (!waiting) return undefined;
    this.pages.delete(gfn);
    this.ended++;
    const now = this.clock.now();
    let longest = 0;
    for (const [vcpu, since] of waiting) {
      const ms = now - since;
      longest = Math.max(longest, ms);
      if (vcpu < this.blocked.length) this.blocked[vcpu] += ms;
    }
    this.latencies.add(longest);
    return longest;
  }

  blockedMs(): number[] {
    return [...this.blocked];
  }
}
