import { Errno, MAX_BATCH } from '../backend.js';
import type { DomainCore } from './core.js';

/** Every call that takes gfns of a domain begins here. */
export function checkBatch(core: DomainCore, gfns: Uint32Array): void {
  core.check();
  checkSize(core, gfns);
}

/** Where the domain itself may be gone. */
export function checkSize(core: DomainCore, gfns: Uint32Array): void {
  if (gfns.length <= MAX_BATCH) return;
  throw core.error(
    'INVALID_ARGUMENT',
    `${gfns.length} pages in one batch; at most ${MAX_BATCH} are allowed`,
    Errno.E2BIG,
  );
}
