/** What is known of the pages of a PV domain that is being restored: machine frames and types, in tables of our own. */
import { MACHINE_FORM } from '../../../native/index.js';
import { PageType } from '../../backend.js';
import type { Session } from '../session.js';
import { badRecord } from './errors.js';
import { FRAMES_PER_PAGE, INVALID_FRAME } from './layout.js';
import { longestP2m } from './p2m-limit.js';
import type { P2mFrames } from './records.js';
import type { FrameUse } from './vcpu-context.js';

const NO_LEAF = 0xffff_ffff;

export class ShellFrames {
  /** All ones where there is no page. A page that the stream takes back keeps its frame until the end: see {@link types}. */
  p2m: BigUint64Array;
  /** PageType, with MACHINE_FORM where a page table's entries name machine frames. XTAB: nothing here, whatever the P2M says. */
  types: Uint8Array;
  /** Pfns of the pages in which the guest keeps its P2M, NO_LEAF where the stream has not said it. */
  leaves: Uint32Array | undefined;
  /** Some page has been given to it. */
  populated = false;

  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly maxPages: number,
  ) {
    this.p2m = new BigUint64Array(maxPages).fill(INVALID_FRAME);
    this.types = new Uint8Array(maxPages).fill(PageType.XTAB);
  }

  /**
   * What the stream says of the P2M. The first time decides how many pfns there are; later ones may add to them. RangeError if that cannot
   * be.
   */
  place({ firstPfn, lastPfn, leaves }: P2mFrames): void {
    const nrPfns = lastPfn + 1;
    if (nrPfns > this.limit)
      throw new RangeError(`a P2M of ${nrPfns} entries is too long for a domain of ${this.maxPages} pages`);
    if (!this.leaves && this.populated) throw new RangeError('it comes after pages');
    if (!this.leaves || nrPfns > this.p2m.length) this.resize(nrPfns);
    const all = new Uint32Array(Math.ceil(this.p2m.length / FRAMES_PER_PAGE)).fill(NO_LEAF);
    all.set(this.leaves ?? []);
    all.set(leaves, Math.floor(firstPfn / FRAMES_PER_PAGE));
    this.leaves = all;
  }

  /** Highest pfn that has a page, plus one. */
  get nrGfns(): number {
    return this.types.findLastIndex((type) => type !== PageType.XTAB) + 1;
  }

  mfns(pfns: Uint32Array): BigUint64Array {
    const mfns = new BigUint64Array(pfns.length);
    this.session.ops.machineFrames(this.p2m, pfns, mfns);
    return mfns;
  }

  /** Room for pfns below `nrPfns`, as long as the stream has not said how many there are. False where there is none. */
  makeRoom(nrPfns: number): boolean {
    if (nrPfns <= this.p2m.length) return true;
    if (this.leaves || nrPfns > this.limit) return false;
    this.resize(Math.min(this.limit, Math.max(nrPfns, 2 * this.p2m.length)));
    return true;
  }

  /** The machine frame that a record means, checked against what it is used for. */
  mfn(pfn: bigint, use: FrameUse, what: string): bigint {
    const index = Number(pfn);
    const where = `${what} is pfn 0x${pfn.toString(16)}`;
    if (pfn >= BigInt(this.p2m.length)) throw badRecord(this.domid, `${where}, which the domain does not have`);
    const type = this.types[index];
    const right =
      use === 'top' ? (type & ~PageType.PINNED) === (PageType.L4TAB | MACHINE_FORM) : type === PageType.NOTAB;
    if (!right) throw badRecord(this.domid, `${where}, a page of type 0x${type.toString(16)}`);
    if (this.p2m[index] === INVALID_FRAME) throw badRecord(this.domid, `${where}, which is not populated`);
    return this.p2m[index];
  }

  private get limit(): number {
    return longestP2m(this.maxPages);
  }

  private resize(nrPfns: number): void {
    const kept = Math.min(nrPfns, this.p2m.length);
    const p2m = new BigUint64Array(nrPfns).fill(INVALID_FRAME);
    p2m.set(this.p2m.subarray(0, kept));
    const types = new Uint8Array(nrPfns).fill(PageType.XTAB);
    types.set(this.types.subarray(0, kept));
    this.p2m = p2m;
    this.types = types;
  }
}
