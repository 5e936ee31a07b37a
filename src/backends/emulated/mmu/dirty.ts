import { Control, type Machine } from '../machine.js';

/**
 * Marks a gfn in the log-dirty bitmap; true if it was clean (paging_mark_pfn_dirty in xen/arch/x86/mm/paging.c). The one
 * place where a page becomes dirty, and so the place where a group of neighbours would.
 */
export function markDirty(machine: Machine, gfn: number): boolean {
  const bit = 1 << (gfn & 7);
  if ((Atomics.or(machine.dirty, gfn >>> 3, bit) & bit) !== 0) return false;
  Atomics.add(machine.control, Control.DIRTY_COUNT, 1);
  return true;
}

export const logDirtyOn = (machine: Machine): boolean => Atomics.load(machine.control, Control.LOG_DIRTY) !== 0;

export function isDirty(machine: Machine, gfn: number): boolean {
  return (Atomics.load(machine.dirty, gfn >>> 3) & (1 << (gfn & 7))) !== 0;
}
