import type { Machine } from '../machine.js';

const WRITABLE = 0x80000000;

/** What a shadow table says about a virtual page. */
export const ShadowState = { ABSENT: 0, READ_ONLY: 1, WRITABLE: 2 } as const;

/**
 * The shadow of one vCPU's address space: virtual page → gfn and whether it may be written. Built on faults; lost at every
 * CLEAN, as shadow_blow_tables() does (xen/arch/x86/mm/shadow). Direct-mapped in shared memory, so that the hypervisor
 * can blow it; two pages that meet in a slot displace each other, as they do in a short shadow pool.
 */
export class ShadowTable {
  private readonly table: Uint32Array;
  private readonly mask: number;

  constructor(machine: Machine, vcpu: number) {
    const words = machine.shadowEntries * 2;
    this.table = machine.shadow.subarray(vcpu * words, (vcpu + 1) * words);
    this.mask = machine.shadowEntries - 1;
  }

  stateOf(vpn: number): number {
    const slot = this.slot(vpn);
    if (this.table[slot] !== vpn) return ShadowState.ABSENT;
    return this.table[slot + 1] >= WRITABLE ? ShadowState.WRITABLE : ShadowState.READ_ONLY;
  }

  /** Frame of an entry that is not absent. */
  frameOf(vpn: number): number {
    return this.table[this.slot(vpn) + 1] & 0x7fffffff;
  }

  set(vpn: number, gfn: number, writable: boolean): void {
    const slot = this.slot(vpn);
    this.table[slot] = vpn;
    this.table[slot + 1] = writable ? gfn + WRITABLE : gfn;
  }

  drop(vpn: number): void {
    if (this.stateOf(vpn) !== ShadowState.ABSENT) this.table[this.slot(vpn)] = 0;
  }

  /** vpn 0 is mapped by no guest, so 0 marks an empty slot. The regions of layout.ts are spread by their high bits. */
  private slot(vpn: number): number {
    return ((vpn ^ Math.imul(vpn >>> 24, 0x9e37)) & this.mask) * 2;
  }
}
