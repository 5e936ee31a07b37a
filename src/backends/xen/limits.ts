/** Bounds of this backend. */

/** gfns travel as 32-bit numbers in the contract, of which the last marks a page that is not mapped: 16 TiB. */
export const MAX_GFNS = 0xffff_ffff;

/** The first 4 GiB, of which the end is for devices. */
const DEVICE_GFNS = 1 << 20;

/** So many gfns an HVM domain can have: RAM below and above the hole for devices. */
export function gfnLimit(maxPages: number): number {
  return Math.min(MAX_GFNS, 2 * maxPages + DEVICE_GFNS);
}
