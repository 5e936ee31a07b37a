/**
 * A guest's address space, the same in every vCPU, each with tables of its own. Virtual page numbers.
 *
 *   HEAP    HEAP_PAGES pages of data, mapped in ascending order of their gfns
 *   TABLES  the page tables themselves, from gfn TABLE_BASE on, so that the guest can change them
 *   WINDOW  WINDOW_PAGES pages that nothing is mapped in at first
 *
 * Page 0 is never mapped. Each region has a third-level table of its own.
 */
export const HEAP = 1 << 27;
export const TABLES = 2 << 27;
export const WINDOW = 3 << 27;

/** Pages of the window: one first-level table. */
export const WINDOW_PAGES = 512;
