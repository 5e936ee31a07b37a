/**
 * The registers of a PV vCPU name frames: page tables, GDT and, in vCPU 0 of a suspended guest, its start_info. They travel as pfns
 * (docs/specs/libxc-migration-stream.pandoc, X86_PV_VCPU_BASIC).
 */
import { PAGE_SHIFT } from '../../backend.js';
import { GDT_ENTRIES_PER_PAGE, MAX_GDT_ENTRIES, VCPU_ONLINE, VcpuContext } from './layout.js';

/** What a frame is used for: a page table of the top level, or data. */
export type FrameUse = 'top' | 'data';
/** Translates one frame number; throws where it cannot be. `what` names it, as in "cr3". */
export type Translate = (frame: bigint, use: FrameUse, what: string) => bigint;

const SHIFT = BigInt(PAGE_SHIFT);

/** mfns to pfns, in place. */
export function contextToStream(context: Buffer, vcpu: number, toPfn: Translate): void {
  translateCommon(context, vcpu, toPfn);
  const user = context.readBigUInt64LE(VcpuContext.CR1);
  if (user !== 0n) context.writeBigUInt64LE((toPfn(user >> SHIFT, 'top', 'cr1') << SHIFT) | 1n, VcpuContext.CR1);
}

/** pfns to mfns, in place; the vCPU is made one that runs. */
export function contextFromStream(context: Buffer, vcpu: number, toMfn: Translate): void {
  translateCommon(context, vcpu, toMfn);
  const user = context.readBigUInt64LE(VcpuContext.CR1);
  if ((user & 1n) !== 0n) context.writeBigUInt64LE(toMfn(user >> SHIFT, 'top', 'cr1') << SHIFT, VcpuContext.CR1);
  context.writeBigUInt64LE(context.readBigUInt64LE(VcpuContext.FLAGS) | VCPU_ONLINE, VcpuContext.FLAGS);
}

function translateCommon(context: Buffer, vcpu: number, translate: Translate): void {
  if (vcpu === 0) replace(context, VcpuContext.RDX, (mfn) => translate(mfn, 'data', 'start_info'));
  const entries = context.readBigUInt64LE(VcpuContext.GDT_ENTRIES);
  if (entries > BigInt(MAX_GDT_ENTRIES)) throw new RangeError(`its GDT has ${entries} entries`);
  for (let page = 0; page < Math.ceil(Number(entries) / GDT_ENTRIES_PER_PAGE); page++) {
    replace(context, VcpuContext.GDT_FRAMES + 8 * page, (mfn) => translate(mfn, 'data', `GDT page ${page}`));
  }
  replace(context, VcpuContext.CR3, (cr3) => translate(cr3 >> SHIFT, 'top', 'cr3') << SHIFT);
}

function replace(context: Buffer, offset: number, change: (value: bigint) => bigint): void {
  context.writeBigUInt64LE(change(context.readBigUInt64LE(offset)), offset);
}
