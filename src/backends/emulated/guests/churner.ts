import { entryIndex, frameOf, PAGE_WORDS, Pte } from '../mmu/pte.js';
import { FReg, Reg } from '../registers.js';
import { HEAP, WINDOW, WINDOW_PAGES } from './layout.js';
import { usPerPage } from './pacing.js';
import { pageGeneration, writePage } from './page.js';
import type { Cpu, GuestProgram } from './program.js';
import { setEntry, slotEntry, tableVpn } from './window.js';

/**
 * Maps, writes, unmaps and remaps pages in its own page tables, and now and then moves the first-level table itself: what makes
 * page-table pages dirty, and shadow paging dear.
 */
export interface ChurnerSpec {
  readonly program: 'churner';
  /** Pages mapped, written or unmapped a second by all vCPUs together, in MiB; as fast as the machine goes if left out. */
  readonly rateMBps?: number;
}

/** Slots of the window in use. Slot s maps one of CHOICES heap pages: s, s + SLOTS, s + 2 SLOTS … */
const SLOTS = Reg.PARAM;
const CHOICES = Reg.PARAM + 1;
const PAGE_US = FReg.PARAM;
const MOVE_ONE_IN = 64;

export const churner: GuestProgram<ChurnerSpec> = {
  id: 6,
  configure(spec, boot) {
    const heap = boot.u32[Reg.HEAP_PAGES];
    boot.u32[SLOTS] = Math.min(WINDOW_PAGES, Math.max(1, heap >>> 2));
    boot.u32[CHOICES] = Math.floor(heap / boot.u32[SLOTS]);
    boot.f64[PAGE_US] = usPerPage(spec.rateMBps, boot);
  },
  step(cpu) {
    cpu.takes(cpu.f64[PAGE_US]);
    if (cpu.random() % MOVE_ONE_IN === 0) moveTable(cpu);
    else turnSlot(cpu);
  },
};

function turnSlot(cpu: Cpu): void {
  const slot = cpu.random() % cpu.u32[SLOTS];
  const entry = slotEntry(cpu.write(tableVpn(cpu, cpu.u32[Reg.WINDOW_TABLE])), slot);
  if ((cpu.words[entry] & Pte.PRESENT) === 0) mapSlot(cpu, slot, entry);
  else useSlot(cpu, slot, entry);
}

function mapSlot(cpu: Cpu, slot: number, entry: number): void {
  const choice = cpu.random() % cpu.u32[CHOICES];
  const generation = cpu.random();
  const at = cpu.write(HEAP + slot + choice * cpu.u32[SLOTS]);
  cpu.commit();
  const gfn = at / PAGE_WORDS;
  writePage(cpu.words, at, gfn, generation);
  setEntry(cpu, entry, gfn);
}

/** Checks what the window shows, then writes it anew or unmaps it. */
function useSlot(cpu: Cpu, slot: number, entry: number): void {
  const { words } = cpu;
  const gfn = frameOf(words[entry], words[entry + 1]);
  const generation = cpu.random();
  const at = cpu.write(WINDOW + slot);
  cpu.commit();
  if (at !== gfn * PAGE_WORDS || pageGeneration(words, at, gfn) < 0) cpu.f64[FReg.CORRUPT]++;
  if (generation & 1) writePage(words, at, gfn, generation);
  else unmapSlot(cpu, slot, entry);
}

function unmapSlot(cpu: Cpu, slot: number, entry: number): void {
  cpu.words[entry] = 0;
  cpu.words[entry + 1] = 0;
  cpu.invalidate(WINDOW + slot);
}

/** Copies the window's first-level table to the spare one and points the directory there. */
function moveTable(cpu: Cpu): void {
  const { words, u32 } = cpu;
  const directory = cpu.write(tableVpn(cpu, directoryOf(cpu)));
  const from = cpu.read(tableVpn(cpu, u32[Reg.WINDOW_TABLE]));
  const to = cpu.write(tableVpn(cpu, u32[Reg.SPARE_TABLE]));
  cpu.commit();
  words.copyWithin(to, from, from + PAGE_WORDS);
  setEntry(cpu, directory + entryIndex(0, WINDOW, 2), u32[Reg.SPARE_TABLE]);
  const old = u32[Reg.WINDOW_TABLE];
  u32[Reg.WINDOW_TABLE] = u32[Reg.SPARE_TABLE];
  u32[Reg.SPARE_TABLE] = old;
  for (let slot = 0; slot < WINDOW_PAGES; slot++) cpu.invalidate(WINDOW + slot);
}

/** gfn of the window's second-level table, found as a kernel finds it: from the root down. */
function directoryOf(cpu: Cpu): number {
  let table = cpu.u32[Reg.CR3];
  for (let level = 4; level > 2; level--) {
    const entry = cpu.read(tableVpn(cpu, table)) + entryIndex(0, WINDOW, level);
    table = frameOf(cpu.words[entry], cpu.words[entry + 1]);
  }
  return table;
}
