import { isMissing, type Machine, P2m } from '../machine.js';
import { Crash } from '../registers.js';
import { entryIndex, frameOf, LEVELS, Pte } from './pte.js';

/** Ends a step: a page on the way is missing. One object a walker, since a step throws it often in post-copy. */
export class MissingPage {
  gfn = 0;
}

/** Ends a step for good: the guest's page tables do not allow the access. */
export class GuestCrash {
  reason: number = Crash.NONE;
  vpn = 0;
}

/** Walks a guest's page tables. A walk changes nothing; what it found lies in the fields until the next one. */
export class Walker {
  /** Frame of the page. */
  gfn = 0;
  /** Word of the entry at level i + 1, and the accessed and dirty bits that the access must set there. */
  readonly entries = new Float64Array(LEVELS);
  readonly setBits = new Uint32Array(LEVELS);

  private readonly missing = new MissingPage();
  private readonly crash = new GuestCrash();

  constructor(private readonly machine: Machine) {}

  /** Throws {@link MissingPage} or {@link GuestCrash}. */
  walk(cr3: number, vpn: number, write: boolean): void {
    this.resolve(cr3, vpn, write);
    this.need(this.gfn, vpn);
  }

  /** The same, but the page itself may be missing or a hole. */
  resolve(cr3: number, vpn: number, write: boolean): void {
    const { words } = this.machine;
    let frame = cr3;
    for (let level = LEVELS; level >= 1; level--) {
      this.need(frame, vpn);
      const at = entryIndex(frame, vpn, level);
      const low = words[at];
      if ((low & Pte.PRESENT) === 0 || (write && (low & Pte.WRITABLE) === 0)) this.fail(Crash.PAGE_FAULT, vpn);
      const wanted = level === 1 && write ? Pte.ACCESSED | Pte.DIRTY : Pte.ACCESSED;
      this.entries[level - 1] = at;
      this.setBits[level - 1] = wanted & ~low;
      frame = frameOf(low, words[at + 1]);
    }
    this.gfn = frame;
  }

  /** The frame must be there. Atomic, since another thread loads missing pages while vCPUs run. */
  private need(gfn: number, vpn: number): void {
    if (gfn >= this.machine.maxPages) this.fail(Crash.BAD_FRAME, vpn);
    const state = Atomics.load(this.machine.p2m, gfn);
    if (state === P2m.RAM) return;
    if (!isMissing(state)) this.fail(Crash.BAD_FRAME, vpn);
    this.missing.gfn = gfn;
    throw this.missing;
  }

  private fail(reason: number, vpn: number): never {
    this.crash.reason = reason;
    this.crash.vpn = vpn;
    throw this.crash;
  }
}
