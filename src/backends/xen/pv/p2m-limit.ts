/** A P2M has room for what the guest may grow to and for holes, but neither a guest nor a stream decides how much memory we reserve for it. */
const MAX_TIMES_ITS_PAGES = 16;
const ALWAYS_ALLOWED = 2 ** 21;

/** Pfns that the P2M of a domain that may have `maxPages` can have. */
export const longestP2m = (maxPages: number): number => Math.max(ALWAYS_ALLOWED, maxPages * MAX_TIMES_ITS_PAGES);
