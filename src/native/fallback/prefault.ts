import { PAGE_SIZE } from './checks.js';

/**
 * Atomic additions of 0: writes as the MMU sees them, and none as other threads do. The steps are taken from the array's
 * start, as the address is not to be had here; the last byte makes up for that. Huge pages cannot be asked for.
 */
export function prefault(memory: Uint8Array): void {
  for (let i = 0; i < memory.length; i += PAGE_SIZE) Atomics.add(memory, i, 0);
  if (memory.length > 0) Atomics.add(memory, memory.length - 1, 0);
}
