import { pageOps } from '../../native/index.js';
import { BackendError, Errno, PAGE_SIZE } from '../backend.js';

/** Neighbouring pages of a host's RAM. */
export interface Extent {
  readonly first: number;
  readonly pages: number;
}

/** Scrubbed between two turns of the event loop: some 10 ms. */
const SCRUB_BYTES = 128 * 1024 * 1024;

/**
 * A host's RAM: one shared buffer from boot on, given out in extents, first fit. Pages are scrubbed when they come back, so
 * that every page given out is zero, as on Xen.
 */
export class Ram {
  readonly pages: number;
  private readonly bytes: Uint8Array;
  /** Ascending, never two neighbours. */
  private free: Extent[];

  /** `prefault` touches every page now, rather than at its first use, which costs about a second a GiB then. Throws NO_MEMORY. */
  constructor(bytes: number, prefault = false) {
    this.pages = Math.floor(bytes / PAGE_SIZE);
    this.bytes = reserve(this.pages * PAGE_SIZE);
    this.free = this.pages > 0 ? [{ first: 0, pages: this.pages }] : [];
    if (prefault) pageOps.prefault(this.bytes);
  }

  get freePages(): number {
    return this.free.reduce((sum, { pages }) => sum + pages, 0);
  }

  /** Undefined if no free extent is that long. */
  allocate(pages: number): Extent | undefined {
    const at = this.free.findIndex((extent) => extent.pages >= pages);
    if (at < 0 || pages < 1) return undefined;
    const { first, pages: length } = this.free[at];
    const rest = length > pages ? [{ first: first + pages, pages: length - pages }] : [];
    this.free.splice(at, 1, ...rest);
    return { first, pages };
  }

  view({ first, pages }: Extent): Uint8Array {
    return this.bytes.subarray(first * PAGE_SIZE, (first + pages) * PAGE_SIZE);
  }

  /** Takes an extent back. Its first `used` pages may have been written; only those are scrubbed. */
  async release(extent: Extent, used: number): Promise<void> {
    const dirty = this.view({ first: extent.first, pages: Math.min(used, extent.pages) });
    for (let at = 0; at < dirty.length; at += SCRUB_BYTES) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      dirty.fill(0, at, Math.min(at + SCRUB_BYTES, dirty.length));
    }
    this.insert(extent);
  }

  private insert(extent: Extent): void {
    let at = this.free.findIndex(({ first }) => first > extent.first);
    if (at < 0) at = this.free.length;
    const before = this.free[at - 1];
    const after = this.free[at];
    const joinsBefore = before !== undefined && before.first + before.pages === extent.first;
    const joinsAfter = after !== undefined && extent.first + extent.pages === after.first;
    const first = joinsBefore ? before.first : extent.first;
    const end = joinsAfter ? after.first + after.pages : extent.first + extent.pages;
    const from = joinsBefore ? at - 1 : at;
    this.free.splice(from, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { first, pages: end - first });
  }
}

function reserve(bytes: number): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  } catch (cause) {
    // Node's own bound on one buffer, or no address space left.
    throw new BackendError('NO_MEMORY', `a host's RAM of ${Math.ceil(bytes / 2 ** 20)} MiB cannot be reserved`, {
      cause,
      errno: Errno.ENOMEM,
      remedy: 'start the host with less memory',
    });
  }
}
