/** How many dom0s at the same time suit a machine. */

/** A dom0 of 4 GB, QEMU's own, and what its image takes of the page cache. */
const BYTES_EACH = 5 * 2 ** 30;

/** @param freeBytes memory that can be had without swapping */
export function jobsFor(cores: number, freeBytes: number): number {
  return Math.max(1, Math.min(cores, Math.floor(freeBytes / BYTES_EACH)));
}
