/** Pages of a PVH or HVM domain: a gfn is what the hypervisor calls it too, and a page is shown as it is. */
import { pageOps } from '../../native/index.js';
import { type Access, type BackendError, Errno, type ForeignMemory, type HeldPages, type Mapping } from '../backend.js';
import { checkBatch } from './batch.js';
import { clearPages } from './clear-pages.js';
import { dropHoles, frameTypes } from './frame-types.js';
import { holdPages } from './held-pages.js';
import { xenError } from './libs/errors.js';
import { gfnLimit, MAX_GFNS } from './limits.js';
import { mapAround, type PagesOut } from './paging/index.js';
import type { Session } from './session.js';
import { BLANK, HOLE, ofTypes, PRESENT } from './type-sets.js';
import { vitalPages } from './vital/index.js';

export class HvmMemory implements ForeignMemory {
  /** Pages given to a domain that has never run, so that nobody has taken one away. Empty for a domain that runs. */
  private given = new Uint8Array(0);

  /** `unborn`: an empty shell; what it has, it has from populate(). */
  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly unborn: boolean,
    private readonly out: PagesOut,
  ) {}

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    checkBatch(this.domid, gfns);
    return frameTypes(this.session, this.domid, gfns);
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    this.session.domain(this.domid);
    return dropHoles(this.session, this.domid, bitmap, pages);
  }

  async map(gfns: Uint32Array, access: Access): Promise<Mapping> {
    checkBatch(this.domid, gfns);
    const here = this.out.thoseHere(gfns, this.session.ops);
    const some = await this.session.foreign.map(this.domid, here, access);
    const mapping = here === gfns ? some : mapAround(gfns, here, some);
    // Nothing of a domain that is gone can be mapped, and that is no matter of single pages.
    if (mapping.failed > 0 && mapping.failed === gfns.length) {
      try {
        this.session.domain(this.domid);
      } catch (error) {
        mapping.unmap();
        throw error;
      }
    }
    return mapping;
  }

  async populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    checkBatch(this.domid, gfns);
    this.makeRoom();
    this.checkNoneOutUnknown();
    const { control, ops } = this.session;
    const wanted = await this.holesAmong(gfns, types);
    if (wanted.length === 0) return;
    this.checkRange(wanted);
    const blank = types ? await this.holesAmong(ofTypes(ops, gfns, types, BLANK)) : wanted;
    const { ctrl, address } = control;
    const calls = [ctrl.address('xc_domain_populate_physmap'), ctrl.address('xc_domain_decrease_reservation')] as const;
    const errno = await ops.populateGfns(...calls, address, this.domid, wanted);
    if (errno !== 0) throw this.noMemory(wanted.length, errno);
    if (this.unborn) pageOps.bitmapSet(this.given, wanted);
    // Xen scrubs what a dead domain leaves, but not what a living one gives back: a page may come with old contents.
    await clearPages(this.session, this.domid, blank);
  }

  async depopulate(gfns: Uint32Array): Promise<void> {
    checkBatch(this.domid, gfns);
    // libxc's streams name every hole.
    if (this.unborn && this.session.ops.wanting(gfns, undefined, this.given, gfns.slice()) === gfns.length) return;
    const { control, ops } = this.session;
    const pages = ofTypes(ops, gfns, await this.types(gfns), PRESENT);
    if (pages.length === 0) return;
    const frames = new BigUint64Array(pages.length);
    ops.widenFrames(pages, frames);
    const release = control.ctrl.address('xc_domain_decrease_reservation_exact');
    const [result, errno] = await ops.callOffLoop(release, [control.address, this.domid, frames.length, 0, frames]);
    if (result < 0) throw this.error(`${frames.length} of its pages cannot be taken away`, errno);
    const known = this.given.length * 8;
    if (this.unborn)
      pageOps.bitmapClear(
        this.given,
        pages.filter((gfn) => gfn < known),
      );
  }

  async vital(): Promise<Uint32Array> {
    return vitalPages(this.session, this.domid, (tables) => this.map(tables, 'read'));
  }

  async hold(bitmap: Uint8Array, pages: number): Promise<HeldPages> {
    const { foreign } = this.session;
    return holdPages(this.session, this.domid, bitmap, pages, (gfns) => foreign.map(this.domid, gfns, 'read'));
  }

  private async holesAmong(gfns: Uint32Array, types?: Uint8Array): Promise<Uint32Array> {
    const wanted = new Uint32Array(gfns.length);
    const { ops } = this.session;
    const some = wanted.subarray(0, ops.wanting(gfns, types, this.given, wanted));
    if (this.unborn || some.length === 0) return some;
    // Of a page that is out the hypervisor says what it says of a hole.
    return this.out.thoseHere(ofTypes(ops, some, await this.types(some), HOLE), ops);
  }

  /**
   * What is out looks like a hole to all but its pager. To give a page to a gfn that is on its way in kills Xen 4.17 itself
   * (p2m_add_page, set_gpfn_from_mfn of no mfn: seen in the lab).
   */
  private checkNoneOutUnknown(): void {
    if (this.unborn || this.out.isKept) return;
    const { pagedPages } = this.session.domain(this.domid);
    if (pagedPages === 0) return;
    const what = `${pagedPages} of its pages are missing, and another process knows which`;
    throw xenError({ what, errno: Errno.EBUSY, domid: this.domid, code: 'INVALID_STATE' });
  }

  /** Of a domain that has never run, a bit for each gfn that it can have. */
  private makeRoom(): void {
    if (!this.unborn || this.given.length > 0) return;
    this.given = new Uint8Array(Math.ceil(gfnLimit(this.session.domain(this.domid).maxPages) / 8));
  }

  /** A stream may name any gfn, and what is kept of each is not to be the measure of our memory. */
  private checkRange(gfns: Uint32Array): void {
    const limit = this.unborn ? this.given.length * 8 : MAX_GFNS;
    const end = this.session.ops.gfnsEnd(gfns);
    if (end <= limit) return;
    const what = `gfn 0x${(end - 1).toString(16)} is beyond what the domain can have (0x${limit.toString(16)})`;
    throw xenError({ what, errno: Errno.EINVAL, domid: this.domid, code: 'BAD_GFN' });
  }

  private noMemory(pages: number, errno: number): BackendError {
    const remedy = 'raise maxmem in its configuration, or free memory on this host';
    return xenError({ what: `no memory for ${pages} more pages`, errno, domid: this.domid, code: 'NO_MEMORY', remedy });
  }

  private error(what: string, errno: number): BackendError {
    return xenError({ what, errno, domid: this.domid });
  }
}
