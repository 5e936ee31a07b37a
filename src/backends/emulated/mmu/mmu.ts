import { Control, Counter, type Machine } from '../machine.js';
import { Reg, type Registers } from '../registers.js';
import { logDirtyOn, markDirty } from './dirty.js';
import { LEVELS, PAGE_WORDS } from './pte.js';
import { ShadowState, ShadowTable } from './shadow.js';
import { Tlb } from './tlb.js';
import { Walker } from './walker.js';

/** Translations that one step may need besides those its TLB knows. */
const MAX_PENDING = 16;

/**
 * One vCPU's memory management unit. A step first translates all that it will touch — nothing changes, so that a missing
 * page may end the step and the step be tried again — and then commits: accessed and dirty bits, log-dirty marks and
 * shadow entries are written at once.
 */
export class Mmu {
  /** Pages translated since begin(). */
  touched = 0;

  private readonly tlb = new Tlb();
  private readonly walker: Walker;
  private readonly shadow: ShadowTable | undefined;
  private generation = -1;
  private logDirty = false;
  private committed = false;
  private pending = 0;
  private readonly vpns = new Float64Array(MAX_PENDING);
  private readonly frames = new Float64Array(MAX_PENDING);
  private readonly writes = new Uint8Array(MAX_PENDING);
  private readonly entries = new Float64Array(MAX_PENDING * LEVELS);
  private readonly setBits = new Uint32Array(MAX_PENDING * LEVELS);
  private readonly counter: number;

  constructor(
    private readonly machine: Machine,
    private readonly registers: Registers,
    vcpu: number,
  ) {
    this.walker = new Walker(machine);
    this.shadow = machine.pagingMode === 'shadow' ? new ShadowTable(machine, vcpu) : undefined;
    this.counter = vcpu * Counter.STRIDE;
  }

  /** Begins a step. The hypervisor changes p2m, log-dirty mode and protection only while no step is under way. */
  begin(): void {
    this.touched = 0;
    this.pending = 0;
    this.committed = false;
    const generation = Atomics.load(this.machine.control, Control.TLB_GENERATION);
    if (generation === this.generation) return;
    this.generation = generation;
    this.logDirty = logDirtyOn(this.machine);
    this.tlb.flush();
  }

  /** gfn behind `vpn`. Throws MissingPage or GuestCrash. */
  translate(vpn: number, write: boolean): number {
    if (this.committed) throw new Error('a guest program translated an address after its first change');
    this.touched++;
    const known = this.tlb.lookup(vpn, write);
    return known >= 0 ? known : this.miss(vpn, write);
  }

  commit(): void {
    this.committed = true;
    for (let i = 0; i < this.pending; i++) this.commitOne(i);
    this.pending = 0;
  }

  /** INVLPG. */
  invalidate(vpn: number): void {
    this.tlb.drop(vpn);
    this.shadow?.drop(vpn);
  }

  private miss(vpn: number, write: boolean): number {
    const shadowed = this.shadow ? this.fromShadow(this.shadow, vpn, write) : -1;
    if (shadowed >= 0) return shadowed;
    this.machine.counters[this.counter + Counter.WALKS]++;
    this.walker.walk(this.registers.u32[Reg.CR3], vpn, write);
    this.defer(vpn, write);
    return this.walker.gfn;
  }

  /** What the hardware finds in the shadow tables by itself; -1 is a fault. */
  private fromShadow(shadow: ShadowTable, vpn: number, write: boolean): number {
    const state = shadow.stateOf(vpn);
    if (state === ShadowState.ABSENT || (state === ShadowState.READ_ONLY && write)) return -1;
    const frame = shadow.frameOf(vpn);
    this.tlb.insert(vpn, frame, state === ShadowState.WRITABLE);
    return frame;
  }

  private defer(vpn: number, write: boolean): void {
    const i = this.pending++;
    if (i >= MAX_PENDING) throw new Error('a guest program translated too many addresses in one step');
    this.vpns[i] = vpn;
    this.frames[i] = this.walker.gfn;
    this.writes[i] = write ? 1 : 0;
    this.entries.set(this.walker.entries, i * LEVELS);
    this.setBits.set(this.walker.setBits, i * LEVELS);
  }

  private commitOne(i: number): void {
    for (let level = 0; level < LEVELS; level++) this.setEntryBits(i * LEVELS + level);
    const write = this.writes[i] === 1;
    if (write) this.mark(this.frames[i]);
    if (this.shadow) this.shadowFault(this.shadow, i, write);
    this.tlb.insert(this.vpns[i], this.frames[i], write);
  }

  /** A bit set by the walker is a write to the page that holds the table. */
  private setEntryBits(at: number): void {
    const bits = this.setBits[at];
    if (bits === 0) return;
    const word = this.entries[at];
    this.machine.words[word] |= bits;
    this.mark(Math.floor(word / PAGE_WORDS));
  }

  private mark(gfn: number): void {
    if (this.logDirty && markDirty(this.machine, gfn)) this.machine.counters[this.counter + Counter.DIRTIED]++;
  }

  /** Both kinds count as one fixed fault, as at the end of sh_page_fault() (xen/arch/x86/mm/shadow/multi.c). */
  private shadowFault(shadow: ShadowTable, i: number, write: boolean): void {
    const known = shadow.stateOf(this.vpns[i]) !== ShadowState.ABSENT;
    if (known && !write) return;
    this.machine.counters[this.counter + (known ? Counter.SHADOW_FIXUPS : Counter.SHADOW_BUILDS)]++;
    Atomics.add(this.machine.control, Control.FAULT_COUNT, 1);
    shadow.set(this.vpns[i], this.frames[i], write);
  }
}
