/** Bounds of this backend. */

/** gfns travel as 32-bit numbers in the contract, of which the last marks a page that is not mapped: 16 TiB. */
export const MAX_GFNS = 0xffff_ffff;
