import { type Access, type ForeignMemory, type HeldPages, MAX_BATCH, type Mapping } from '../../backend.js';
import { checkBatch } from '../batch.js';
import { holdPages } from '../held-pages.js';
import type { Session } from '../session.js';

/** What differs between a domain that is restored and one that runs. */
export type PvPages = Omit<ForeignMemory, 'hold'>;

/**
 * A domain's pages while it is restored and afterwards: one kind of access takes the place of the other. Either works on tables, and does
 * not notice by itself that the domain is gone.
 */
export class PvMemory implements ForeignMemory {
  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private now: PvPages,
  ) {}

  become(memory: PvPages): void {
    this.now = memory;
  }

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    return this.checked(gfns).types(gfns);
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    return this.checked().dropHoles(bitmap, pages);
  }

  async map(gfns: Uint32Array, access: Access): Promise<Mapping> {
    return this.checked(gfns).map(gfns, access);
  }

  async populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    return this.checked(gfns).populate(gfns, types);
  }

  async depopulate(gfns: Uint32Array): Promise<void> {
    return this.checked(gfns).depopulate(gfns);
  }

  async vital(): Promise<Uint32Array> {
    return this.checked().vital();
  }

  /** A page table is held in the form of the stream, as it is mapped. */
  async hold(bitmap: Uint8Array, pages: number): Promise<HeldPages> {
    return holdPages(this.session, this.domid, bitmap, pages, (gfns) => this.map(gfns, 'read'), MAX_BATCH);
  }

  private checked(gfns?: Uint32Array): PvPages {
    if (gfns) checkBatch(this.domid, gfns);
    this.session.domain(this.domid);
    return this.now;
  }
}
