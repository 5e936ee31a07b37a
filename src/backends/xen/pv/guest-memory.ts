/** Pages of a PV domain that runs, or has run: its own P2M says where they are. */
import { pageOps } from '../../../native/index.js';
import { type Access, MAX_BATCH, type Mapping, PAGE_SIZE, PageType } from '../../backend.js';
import { dropHoles, frameTypes } from '../frame-types.js';
import type { Session } from '../session.js';
import { ofTypes } from '../type-sets.js';
import { notByToolstack } from './errors.js';
import type { Frames, GuestFrames } from './frame-maps.js';
import { ascending } from './gfn-set.js';
import type { PvPages } from './memory.js';
import { ANY_TABLE } from './page-types.js';

/** Nobody has asked for the type of this page. */
const UNKNOWN = 0xff;

export class GuestMemory implements PvPages {
  /**
   * What types() said of each page. The contents must be shown in the form that goes with it, even if the guest makes a page table of
   * the page in between: then the page is dirty, and shown again.
   */
  private told = new Uint8Array(0);

  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly frames: GuestFrames,
  ) {}

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    if (gfns.length === 0) return new Uint8Array(0);
    return this.frames.use((frames) => this.typesIn(frames, gfns));
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    return this.frames.use(({ p2m }) => dropHoles(this.session, this.domid, bitmap, pages, p2m));
  }

  async map(gfns: Uint32Array, access: Access): Promise<Mapping> {
    return this.frames.use((frames) =>
      access === 'read'
        ? this.mapToRead(frames, gfns)
        : this.session.foreign.map(this.domid, this.mfns(frames, gfns), access),
    );
  }

  async populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    const now = await this.types(gfns);
    const wanted = (i: number): boolean =>
      types === undefined || (types[i] !== PageType.XTAB && types[i] !== PageType.BROKEN);
    if (now.some((type, i) => type === PageType.XTAB && wanted(i))) throw notByToolstack(this.domid);
  }

  async depopulate(gfns: Uint32Array): Promise<void> {
    const now = await this.types(gfns);
    if (now.some((type) => type !== PageType.XTAB)) throw notByToolstack(this.domid);
  }

  /** Page tables and the P2M. */
  async vital(): Promise<Uint32Array> {
    return this.frames.use(async (frames) => {
      const { length } = frames.p2m;
      const all = new Uint8Array(Math.ceil(length / 8)).fill(0xff);
      const batch = new Uint32Array(MAX_BATCH);
      const vital = [frames.leaves];
      for (let start = 0; start < length; start += MAX_BATCH) {
        const gfns = batch.subarray(0, pageOps.bitmapToGfns(all, length, start, batch));
        vital.push(ofTypes(this.session.ops, gfns, await this.typesIn(frames, gfns), ANY_TABLE));
      }
      return ascending(length, vital);
    });
  }

  private async typesIn(frames: Frames, gfns: Uint32Array): Promise<Uint8Array> {
    const types = await frameTypes(this.session, this.domid, this.mfns(frames, gfns));
    if (this.told.length < frames.p2m.length) {
      const longer = new Uint8Array(frames.p2m.length).fill(UNKNOWN);
      longer.set(this.told);
      this.told = longer;
    }
    this.session.ops.setTypes(this.told, gfns, types);
    return types;
  }

  private async mapToRead(frames: Frames, gfns: Uint32Array): Promise<Mapping> {
    const { ops, foreign } = this.session;
    const types = await this.typesTold(frames, gfns);
    const tables = ops.findBytes(types, ANY_TABLE, 0, new Uint32Array(gfns.length));
    const mapping = await foreign.map(this.domid, this.mfns(frames, gfns), 'read', tables);
    if (tables === 0 || mapping.base.length === 0) return mapping;
    const { base, slots, errors, failed } = mapping;
    try {
      const { m2p, p2m } = frames;
      const more = ops.normaliseTables(m2p, p2m, base, types, slots, errors, base.length / PAGE_SIZE - tables);
      return more === 0 ? mapping : withFailures(mapping, failed + more);
    } catch (error) {
      mapping.unmap();
      throw error;
    }
  }

  private async typesTold(frames: Frames, gfns: Uint32Array): Promise<Uint8Array> {
    const types = new Uint8Array(gfns.length);
    this.session.ops.typesAt(this.told, gfns, 0xff, types);
    const known = this.told.length >= frames.p2m.length && !types.includes(UNKNOWN);
    return known ? types : this.typesIn(frames, gfns);
  }

  private mfns({ p2m }: Frames, gfns: Uint32Array): BigUint64Array {
    const mfns = new BigUint64Array(gfns.length);
    this.session.ops.machineFrames(p2m, gfns, mfns);
    return mfns;
  }
}

function withFailures(mapping: Mapping, failed: number): Mapping {
  const { base, slots, errors } = mapping;
  const unmap = (): void => mapping.unmap();
  return { base, slots, errors, failed, unmap, [Symbol.dispose]: unmap };
}
