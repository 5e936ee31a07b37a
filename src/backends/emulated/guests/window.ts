import { entryHigh, entryIndex, entryLow, Pte } from '../mmu/pte.js';
import { Reg } from '../registers.js';
import { TABLES, WINDOW } from './layout.js';
import type { Cpu } from './program.js';

/** A guest's own changes to its page tables: it reaches them through their mapping, like any other memory. */
const FLAGS = Pte.PRESENT | Pte.WRITABLE | Pte.USER;

/** Virtual page through which the guest sees the table page `gfn`. */
export const tableVpn = (cpu: Cpu, gfn: number): number => TABLES + gfn - cpu.u32[Reg.TABLE_BASE];

/** Word of window slot `slot`'s entry, given where the window's first-level table lies in memory. */
export function slotEntry(table: number, slot: number): number {
  return table + entryIndex(0, WINDOW + slot, 1);
}

/** Points an entry at `gfn`, accessed and dirty bits clear. */
export function setEntry(cpu: Cpu, entry: number, gfn: number): void {
  cpu.words[entry] = entryLow(gfn, FLAGS);
  cpu.words[entry + 1] = entryHigh(gfn);
}
