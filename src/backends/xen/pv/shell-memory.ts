/**
 * Pages of a PV domain that is being restored (tools/libs/guest/xg_sr_restore.c and xg_sr_restore_x86_pv.c). A page table is turned into
 * machine form when its mapping is let go, if all pages that it refers to are there by then; what is left over is done at the end.
 */
import { pageOps } from '../../../native/index.js';
import { type Access, BackendError, Errno, MAX_BATCH, type Mapping, PageType } from '../../backend.js';
import { xenError } from '../libs/errors.js';
import type { Session } from '../session.js';
import { BLANK, HOLE, ofTypes, PRESENT } from '../type-sets.js';
import type { PvControl } from './control.js';
import { badRecord } from './errors.js';
import { ascending } from './gfn-set.js';
import { FRAMES_PER_PAGE, INVALID_FRAME } from './layout.js';
import { type MachineMap, mapMachineFrames } from './machine-map.js';
import type { PvPages } from './memory.js';
import { ANY_TABLE, MACHINE_FORM_TABLE, NO_HOLE, POPULATED, STREAM_FORM_TABLE, TYPE_MASK } from './page-types.js';
import type { ShellFrames } from './shell-frames.js';

export class ShellMemory implements PvPages {
  /** Mapped when first a page table that is in machine form is looked at again. */
  private machine: Promise<MachineMap> | undefined;
  /** The source has had pages that it has no more. */
  private takenBack = false;

  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly control: PvControl,
    private readonly shell: ShellFrames,
  ) {}

  async types(gfns: Uint32Array): Promise<Uint8Array> {
    return this.typesOf(gfns, TYPE_MASK);
  }

  async dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    const { types } = this.shell;
    const present = Math.min(pages, types.length);
    bitmap.fill(0, Math.ceil(present / 8), Math.ceil(pages / 8));
    if (present < pages && present % 8 > 0) bitmap[present >> 3] &= (1 << (present % 8)) - 1;
    for (const holes of this.withType(HOLE, present)) pageOps.bitmapClear(bitmap, holes);
    return pageOps.bitmapCount(bitmap, pages);
  }

  async map(gfns: Uint32Array, _access: Access): Promise<Mapping> {
    // A page table is shown in place, in the form of the stream, to a reader too: nothing else looks at it yet.
    const mapping = await this.session.foreign.map(this.domid, this.shell.mfns(gfns), 'write');
    try {
      await this.showStreamForm(gfns, mapping);
    } catch (error) {
      mapping.unmap();
      throw error;
    }
    return this.machineFormWhenUnmapped(gfns.slice(), mapping);
  }

  async populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    const { ops } = this.session;
    this.checkRange(gfns);
    await this.giveFrames(gfns, types);
    this.shell.populated = true;
    await this.clear(this.emptied(types ? ofTypes(ops, gfns, types, BLANK) : gfns));
    if (types) ops.setTypes(this.shell.types, gfns, types, POPULATED);
    else ops.setTypes(this.shell.types, gfns, this.typesOf(gfns, 0xff), NO_HOLE);
    if (types?.includes(PageType.XTAB) || types?.includes(PageType.BROKEN)) this.takenBack = true;
  }

  /** A page table may refer to the page still, so its frame is kept until all page tables are final. */
  async depopulate(gfns: Uint32Array): Promise<void> {
    this.session.ops.setTypes(this.shell.types, gfns, new Uint8Array(gfns.length).fill(PageType.XTAB));
    this.takenBack = true;
  }

  /** Page tables, and the P2M where the stream has said where it is. */
  async vital(): Promise<Uint32Array> {
    const { types, leaves = new Uint32Array(0) } = this.shell;
    const there = ofTypes(this.session.ops, leaves, this.typesOf(leaves, 0xff), PRESENT);
    return ascending(types.length, [...this.withType(ANY_TABLE), there]);
  }

  /** All pages are there: page tables that refer to later ones are turned, and what the source has no more is given back. */
  async finish(): Promise<void> {
    for (const tables of this.withType(STREAM_FORM_TABLE)) await this.localise(tables);
    if (this.takenBack) for (const holes of this.withType(HOLE)) await this.giveBack(holes);
    await this.release();
  }

  /** Lets go what this class has mapped. */
  async release(): Promise<void> {
    const machine = await this.machine?.catch(() => undefined);
    this.machine = undefined;
    machine?.mapping.unmap();
  }

  private typesOf(gfns: Uint32Array, mask: number): Uint8Array {
    const types = new Uint8Array(gfns.length);
    this.session.ops.typesAt(this.shell.types, gfns, mask, types);
    return types;
  }

  /** Batches of pfns below `end` with a type of the set, ascending; each is the caller's. */
  private *withType(wanted: Uint8Array, end = Number.POSITIVE_INFINITY): Generator<Uint32Array> {
    for (let start = 0; ; ) {
      const pfns = new Uint32Array(MAX_BATCH);
      const count = this.session.ops.findBytes(this.shell.types.subarray(0, end), wanted, start, pfns);
      if (count === 0) return;
      start = pfns[count - 1] + 1;
      yield pfns.subarray(0, count);
    }
  }

  private checkRange(gfns: Uint32Array): void {
    const end = this.session.ops.gfnsEnd(gfns);
    if (this.shell.makeRoom(end)) return;
    const message = `domain ${this.domid}: pfn 0x${(end - 1).toString(16)} is beyond its P2M`;
    throw new BackendError('BAD_GFN', message, { domid: this.domid, errno: Errno.EINVAL });
  }

  /** If there is no memory left, pages that are kept for the page tables' sake go, and it is tried again. */
  private async giveFrames(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    try {
      await this.tryGiveFrames(gfns, types);
    } catch (error) {
      if (!this.takenBack || !(error instanceof BackendError) || error.code !== 'NO_MEMORY') throw error;
      await this.giveBackEarly();
      await this.tryGiveFrames(gfns, types);
    }
  }

  private async tryGiveFrames(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    const { ops } = this.session;
    const room = new Uint32Array(gfns.length);
    const wanted = room.subarray(0, ops.wantedFrames(this.shell.p2m, gfns, types, room));
    if (wanted.length > 0) ops.setMachineFrames(this.shell.p2m, wanted, await this.control.populate(wanted));
  }

  private async giveBackEarly(): Promise<void> {
    for (const tables of this.withType(MACHINE_FORM_TABLE)) {
      using mapping = await this.session.foreign.map(this.domid, this.shell.mfns(tables), 'write');
      this.checkMapped(mapping, tables);
      await this.showStreamForm(tables, mapping);
    }
    for (const holes of this.withType(HOLE)) await this.giveBack(holes);
  }

  /** Pages that were not there before, or had been taken back. To be asked before they are said to be there. */
  private emptied(gfns: Uint32Array): Uint32Array {
    return ofTypes(this.session.ops, gfns, this.typesOf(gfns, 0xff), HOLE);
  }

  /** Xen scrubs what a dead domain leaves, but not what a living one gives back: a page may come with old contents. */
  private async clear(pfns: Uint32Array): Promise<void> {
    if (pfns.length === 0) return;
    using mapping = await this.session.foreign.map(this.domid, this.shell.mfns(pfns), 'write');
    this.checkMapped(mapping, pfns);
    mapping.base.fill(0);
  }

  private async showStreamForm(gfns: Uint32Array, { base, slots }: Mapping): Promise<void> {
    const { ops } = this.session;
    const types = this.typesOf(gfns, 0xff);
    if (ops.findBytes(types, MACHINE_FORM_TABLE, 0, new Uint32Array(1)) === 0 || base.length === 0) return;
    this.machine ??= mapMachineFrames(this.session);
    const { frames } = await this.machine;
    const errors = new Int32Array(gfns.length);
    const failed = ops.restoreForm(frames, this.shell.p2m, base, this.shell.types, gfns, slots, errors);
    if (failed > 0)
      throw badRecord(this.domid, `${failed} of its page tables name machine frames that are not its own`);
  }

  private machineFormWhenUnmapped(gfns: Uint32Array, mapping: Mapping): Mapping {
    let open = true;
    const unmap = (): void => {
      if (open && mapping.base.length > 0) this.turn(gfns, mapping);
      open = false;
      mapping.unmap();
    };
    const { base, slots, errors, failed } = mapping;
    return { base, slots: slots.slice(), errors, failed, unmap, [Symbol.dispose]: unmap };
  }

  /** Page tables of a mapping to machine form, but those that refer to pages that are still to come. Returns the reasons. */
  private turn(gfns: Uint32Array, { base, slots }: Mapping): Int32Array | undefined {
    const { ops } = this.session;
    const types = this.typesOf(gfns, 0xff);
    if (ops.findBytes(types, STREAM_FORM_TABLE, 0, new Uint32Array(1)) === 0) return undefined;
    const errors = new Int32Array(gfns.length);
    const failed = ops.localiseTables(this.shell.p2m, base, this.shell.types, gfns, slots, errors);
    return failed > 0 ? errors : undefined;
  }

  private async localise(tables: Uint32Array): Promise<void> {
    using mapping = await this.session.foreign.map(this.domid, this.shell.mfns(tables), 'write');
    this.checkMapped(mapping, tables);
    const errors = this.turn(tables, mapping);
    if (!errors) return;
    for (let i = 0; i < tables.length; i++) if (errors[i] === Errno.ENOENT) await this.populateFor(mapping, i);
    const still = this.turn(tables, mapping)?.findIndex((errno) => errno !== 0) ?? -1;
    if (still < 0) return;
    throw badRecord(
      this.domid,
      `page table 0x${tables[still].toString(16)} refers to a page that the domain cannot have`,
    );
  }

  /** Pages that a page table refers to and that have never come. */
  private async populateFor({ base, slots }: Mapping, index: number): Promise<void> {
    const missing = new Uint32Array(FRAMES_PER_PAGE);
    const count = this.session.ops.missingFrames(this.shell.p2m, base, slots[index], missing);
    if (count > 0) await this.populate(missing.subarray(0, count));
  }

  private async giveBack(holes: Uint32Array): Promise<void> {
    const gone = holes.subarray(0, this.session.ops.heldFrames(this.shell.p2m, holes, holes));
    if (gone.length === 0) return;
    await this.control.release(this.shell.mfns(gone));
    this.session.ops.setMachineFrames(this.shell.p2m, gone, new BigUint64Array(gone.length).fill(INVALID_FRAME));
  }

  private checkMapped({ failed, errors }: Mapping, pfns: Uint32Array): void {
    if (failed === 0) return;
    const first = errors.findIndex((errno) => errno !== 0);
    const what = `its page 0x${pfns[first].toString(16)} cannot be mapped`;
    throw xenError({ what, errno: errors[first], domid: this.domid, code: 'HYPERVISOR' });
  }
}
