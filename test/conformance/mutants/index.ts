/**
 * Backends that are wrong in one way each. A suite that lets one of them pass proves nothing, so test/mutants.test.ts runs
 * it on all of them. They wrap any good fixture: an author may try them on a backend of his own.
 */
import { HELD_MUTANTS } from './held-pages.js';
import { LIFECYCLE_MUTANTS } from './lifecycle.js';
import { BITMAP_MUTANTS } from './log-dirty-bitmap.js';
import { MODE_MUTANTS } from './log-dirty-mode.js';
import { MEMORY_MUTANTS } from './memory.js';
import { PAGING_MUTANTS } from './paging.js';
import type { Mutant } from './wrap.js';

export { SILENT_MUTANTS } from './lifecycle.js';
export type { Mutant } from './wrap.js';

export const MUTANTS: readonly Mutant[] = [
  ...BITMAP_MUTANTS,
  ...MODE_MUTANTS,
  ...MEMORY_MUTANTS,
  ...HELD_MUTANTS,
  ...LIFECYCLE_MUTANTS,
  ...PAGING_MUTANTS,
];
