/** The pages that are missing at the destination: taken out before the guest runs, brought back as they come. */
import { type Domain, Errno, MAX_BATCH, PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import type { Clock } from '../io/clock.js';

/** Between two attempts to load pages on a host that is out of memory. */
const NO_MEMORY_RETRY_MS = 20;
/** After so many, an hour, the host is not going to have any. Nothing is lost by waiting: the source keeps the page. */
const NO_MEMORY_RETRIES = 180_000;

export class MissingPages {
  /** Set: evicted and not come yet. */
  private readonly bitmap: Uint8Array;
  /** Set: stale, and the hypervisor would not take it out; it must be overwritten before the guest runs. */
  private readonly refused: Uint8Array;
  /** Attempts to load a page that failed for want of memory: somebody is at work. */
  retries = 0;
  private missing = 0;
  private refusedCount = 0;
  private readonly scratch = new Uint32Array(MAX_BATCH);

  constructor(
    private readonly domain: Domain,
    private readonly nrGfns: number,
    private readonly clock: Clock,
  ) {
    this.bitmap = new Uint8Array(Math.ceil(nrGfns / 8));
    this.refused = new Uint8Array(this.bitmap.length);
  }

  get count(): number {
    return this.missing;
  }

  get refusals(): number {
    return this.refusedCount;
  }

  /** Everything that the source must send: missing, or stale and in the guest's sight. */
  wanted(): Uint8Array {
    const wanted = this.bitmap.slice();
    pageOps.bitmapOr(wanted, this.refused);
    return wanted;
  }

  refusedGfns(): Uint32Array {
    const gfns = new Uint32Array(this.refusedCount);
    pageOps.bitmapToGfns(this.refused, this.nrGfns, 0, gfns);
    return gfns;
  }

  has(gfn: number): boolean {
    return (this.bitmap[gfn >> 3] & (1 << (gfn & 7))) !== 0;
  }

  /** Takes out those of `stale` that are not out yet. A gfn is populated before it is evicted: only then can it be paged. */
  async evict(stale: Uint8Array): Promise<void> {
    const left = stale.slice();
    pageOps.bitmapAndNot(left, this.bitmap);
    pageOps.bitmapAndNot(left, this.refused);
    for (let cursor = 0; ; ) {
      const count = pageOps.bitmapToGfns(left, this.nrGfns, cursor, this.scratch);
      if (count === 0) return;
      const gfns = this.scratch.slice(0, count);
      cursor = gfns[count - 1] + 1;
      await this.domain.memory.populate(gfns);
      const errors = await this.domain.paging.evict(gfns);
      const out = succeeded(gfns, errors);
      this.missing += pageOps.bitmapSet(this.bitmap, out);
      if (out.length < count) this.refusedCount += pageOps.bitmapSet(this.refused, failed(gfns, errors));
    }
  }

  /** Loads pages that came. One errno a gfn, as load() of the contract: ENOENT where there was a page already. */
  async load(gfns: Uint32Array, data: Uint8Array): Promise<Int32Array> {
    const errors = await this.loadAll(gfns, data);
    this.missing -= pageOps.bitmapClear(this.bitmap, gfns);
    return errors;
  }

  /** How many are missing that `bitmap` does not name. */
  countBeyond(bitmap: Uint8Array): number {
    const beyond = this.wanted();
    pageOps.bitmapAndNot(beyond, bitmap);
    return pageOps.bitmapCount(beyond, this.nrGfns);
  }

  /** There is no such page any more: it must never be loaded. */
  drop(gfn: number): boolean {
    const dropped = pageOps.bitmapClear(this.bitmap, Uint32Array.of(gfn));
    this.missing -= dropped;
    return dropped > 0;
  }

  /** There is no such domain any more. Returns how many were missing. */
  dropAll(): number {
    const dropped = this.missing;
    this.bitmap.fill(0);
    this.missing = 0;
    return dropped;
  }

  /** These stale pages have been overwritten. */
  settle(gfns: Uint32Array): void {
    this.refusedCount -= pageOps.bitmapClear(this.refused, gfns);
  }

  private async loadAll(gfns: Uint32Array, data: Uint8Array): Promise<Int32Array> {
    const errors = await this.domain.paging.load(gfns, data);
    if (allZero(errors) || !errors.some((errno) => errno !== 0 && errno !== Errno.ENOENT)) return errors;
    for (let i = 0; i < gfns.length; i++) {
      for (let tries = 0; errors[i] === Errno.ENOMEM && tries < NO_MEMORY_RETRIES; tries++) {
        this.retries++;
        await this.clock.sleep(NO_MEMORY_RETRY_MS);
        const page = data.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE);
        errors[i] = (await this.domain.paging.load(gfns.subarray(i, i + 1), page))[0];
      }
      if (errors[i] !== 0 && errors[i] !== Errno.ENOENT) {
        throw new Error(
          `page 0x${gfns[i].toString(16)} of domain ${this.domain.domid} cannot be loaded: errno ${errors[i]}`,
        );
      }
    }
    return errors;
  }
}

/** The usual batch has no failure in it and is returned as it is. */
function succeeded(gfns: Uint32Array, errors: Int32Array): Uint32Array {
  return allZero(errors) ? gfns : gfns.filter((_, i) => errors[i] === 0);
}

const ZEROES = Buffer.alloc(4 * MAX_BATCH);

function allZero(errors: Int32Array): boolean {
  const bytes = new Uint8Array(errors.buffer, errors.byteOffset, errors.byteLength);
  return ZEROES.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

function failed(gfns: Uint32Array, errors: Int32Array): Uint32Array {
  return gfns.filter((_, i) => errors[i] !== 0);
}
