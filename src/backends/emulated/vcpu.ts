import { programOf } from './guests/index.js';
import type { Cpu } from './guests/program.js';
import { Counter, type Machine, P2m } from './machine.js';
import { Mmu } from './mmu/mmu.js';
import { PAGE_WORDS } from './mmu/pte.js';
import { GuestCrash, MissingPage } from './mmu/walker.js';
import { Crash, F64_REGISTERS, FReg, Reg, type Registers, registersOf, U32_REGISTERS } from './registers.js';

/** What a step came to. One object a vCPU, overwritten by its next step. */
export interface StepOutcome {
  /**
   * `ran`: a step was executed that takes `us` of the guest's time. `idle`: the same, and the vCPU then halts
   * for `us`. `missing`: nothing was executed, page `gfn` is missing. `halted`: the vCPU is offline or crashed; it never runs again.
   */
  kind: 'ran' | 'idle' | 'missing' | 'halted';
  /** Microseconds of guest time; 0 in a program without pacing: as fast as the machine goes. */
  us: number;
  gfn: number;
  /** Pages translated: a measure of the work done. */
  pages: number;
}

/**
 * One virtual CPU. All its state is in the machine, so that a Vcpu made anew over the same machine goes on where another stopped;
 * what it keeps itself are caches. A step happens wholly or not at all. The driver must not call step() while the vCPUs are held.
 */
export class Vcpu implements Cpu {
  readonly words: Uint32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  private readonly mmu: Mmu;
  private readonly savedU32 = new Uint32Array(U32_REGISTERS);
  private readonly savedF64 = new Float64Array(F64_REGISTERS);
  private readonly outcome: StepOutcome = { kind: 'halted', us: 0, gfn: 0, pages: 0 };

  constructor(
    private readonly machine: Machine,
    readonly index: number,
  ) {
    const registers: Registers = registersOf(machine.contexts, index);
    this.words = machine.words;
    this.u32 = registers.u32;
    this.f64 = registers.f64;
    this.mmu = new Mmu(machine, registers, index);
  }

  /** Steps executed since the guest was created, on whatever host. */
  get steps(): number {
    return this.f64[FReg.STEPS];
  }

  step(): StepOutcome {
    const { outcome } = this;
    const program = this.u32[Reg.CRASH] === Crash.NONE ? programOf(this.u32[Reg.PROGRAM]) : undefined;
    if (!program) return this.ends('halted');
    this.mmu.begin();
    this.savedU32.set(this.u32);
    this.savedF64.set(this.f64);
    outcome.us = 0;
    this.ends('ran');
    try {
      program.step(this);
      this.mmu.commit();
      this.f64[FReg.STEPS]++;
      outcome.pages = this.mmu.touched;
      return outcome;
    } catch (error) {
      return this.interrupted(error);
    }
  }

  read(vpn: number): number {
    return this.mmu.translate(vpn, false) * PAGE_WORDS;
  }

  write(vpn: number): number {
    return this.mmu.translate(vpn, true) * PAGE_WORDS;
  }

  commit(): void {
    this.mmu.commit();
  }

  invalidate(vpn: number): void {
    this.mmu.invalidate(vpn);
  }

  takes(us: number): void {
    this.outcome.us = us;
  }

  idles(us: number): void {
    this.outcome.us = us;
    this.ends('idle');
  }

  /** xorshift128 (Marsaglia, "Xorshift RNGs", 2003). */
  random(): number {
    const { u32 } = this;
    let t = u32[Reg.RNG + 3];
    const s = u32[Reg.RNG];
    u32[Reg.RNG + 3] = u32[Reg.RNG + 2];
    u32[Reg.RNG + 2] = u32[Reg.RNG + 1];
    u32[Reg.RNG + 1] = s;
    t ^= t << 11;
    t ^= t >>> 8;
    u32[Reg.RNG] = t ^ s ^ (s >>> 19);
    return u32[Reg.RNG];
  }

  private ends(kind: StepOutcome['kind']): StepOutcome {
    this.outcome.kind = kind;
    return this.outcome;
  }

  /** Undoes the registers; memory was not changed yet. */
  private interrupted(error: unknown): StepOutcome {
    this.u32.set(this.savedU32);
    this.f64.set(this.savedF64);
    if (error instanceof MissingPage) return this.missing(error.gfn);
    if (!(error instanceof GuestCrash)) throw error;
    this.u32[Reg.CRASH] = error.reason;
    this.u32[Reg.CRASH_VPN] = error.vpn;
    return this.ends('halted');
  }

  private missing(gfn: number): StepOutcome {
    Atomics.compareExchange(this.machine.p2m, gfn, P2m.PAGED_OUT, P2m.PAGING_IN);
    this.machine.counters[this.index * Counter.STRIDE + Counter.MISSES]++;
    this.outcome.gfn = gfn;
    return this.ends('missing');
  }
}
