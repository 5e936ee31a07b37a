import type { DomainCore } from './core.js';
import { type Machine, P2m } from './machine.js';
import { frameOf, LEVELS, PAGE_WORDS, Pte } from './mmu/pte.js';
import { HvmParam } from './platform-state/hvm-params.js';
import { Reg, registersOf } from './registers.js';

/** Pages that paging must not take: those that the toolstack shares with the guest. */
export function specialPagesOf(core: DomainCore): number[] {
  const params = [HvmParam.STORE_PFN, HvmParam.CONSOLE_PFN].map((index) => core.hvmParams.get(index));
  return params.filter((value) => value !== undefined && value < core.machine.maxPages).map(Number);
}

/** Special pages and every page table that a vCPU's CR3 leads to, ascending. Tables are read as hostile input. */
export function vitalPages(core: DomainCore): Uint32Array {
  const found = new Set(specialPagesOf(core));
  for (let vcpu = 0; vcpu < core.machine.vcpus; vcpu++) {
    const { u32 } = registersOf(core.machine.contexts, vcpu);
    if (u32[Reg.PROGRAM] !== 0) addTables(core.machine, u32[Reg.CR3], found);
  }
  return Uint32Array.from(found).sort();
}

/** One level at a time: a set is bounded by the domain's pages, however the tables point at each other. */
function addTables(machine: Machine, root: number, found: Set<number>): void {
  let level = new Set([root]);
  for (let depth = LEVELS; depth >= 1; depth--) {
    const next = new Set<number>();
    for (const table of level) {
      if (table >= machine.maxPages || isHole(machine, table)) continue;
      found.add(table);
      if (depth > 1) addEntries(machine, table, next);
    }
    level = next;
  }
}

/** A missing table leads nowhere until it is loaded. */
function addEntries({ words, p2m }: Machine, table: number, next: Set<number>): void {
  if (p2m[table] !== P2m.RAM) return;
  for (let at = table * PAGE_WORDS; at < (table + 1) * PAGE_WORDS; at += 2)
    if ((words[at] & Pte.PRESENT) !== 0) next.add(frameOf(words[at], words[at + 1]));
}

const isHole = ({ p2m }: Machine, gfn: number): boolean => p2m[gfn] === P2m.NONE || p2m[gfn] === P2m.BALLOONED;
