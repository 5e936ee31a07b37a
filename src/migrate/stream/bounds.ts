/** How long the body of each record may be. Checked when its header is read, before anything is allocated. */
import { PAGE_SIZE } from '../../backends/backend.js';
import { MAX_RECORD, RecordType as T } from './format.js';
import { MAX_RECORDED_SET } from './records/recorded-set.js';

/** Inclusive, in bytes. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

const exactly = (bytes: number): Bounds => ({ min: bytes, max: bytes });
const between = (min: number, max: number): Bounds => ({ min, max });

/** Records of Remus and COLO, of the debug option, and of Xen 4.5 and before: known, and refused. */
export const UNSUPPORTED: ReadonlySet<number> = new Set([
  T.TOOLSTACK,
  T.VERIFY,
  T.CHECKPOINT,
  T.CHECKPOINT_DIRTY_PFN_LIST,
]);

/** Bytes of the largest text in an ABORT, and in a DONE. */
export const MAX_REASON = 4 * KiB;
export const MAX_NOTE = 64 * KiB;
/** Entries of one REQUEST. */
export const MAX_REQUESTS = 1024;
/** Bytes of the source's address in CAPABILITIES. */
export const MAX_ADDRESS = 255;
export const CAPABILITIES_SIZE = 72;

/** The blobs are Xen's own; each bound is several times what its largest guest (128 vCPUs, AVX-512) needs. */
const BOUNDS: ReadonlyMap<number, Bounds> = new Map([
  [T.END, exactly(0)],
  [T.PAGE_DATA, between(16, MAX_RECORD)],
  [T.X86_PV_INFO, exactly(8)],
  [T.X86_PV_P2M_FRAMES, between(16, 16 * MiB)],
  [T.X86_PV_VCPU_BASIC, between(8, 64 * KiB)],
  [T.X86_PV_VCPU_EXTENDED, between(8, 64 * KiB)],
  [T.X86_PV_VCPU_XSAVE, between(8, 64 * KiB)],
  [T.X86_PV_VCPU_MSRS, between(8, 64 * KiB)],
  [T.SHARED_INFO, exactly(PAGE_SIZE)],
  [T.X86_TSC_INFO, exactly(24)],
  [T.HVM_CONTEXT, between(1, 8 * MiB)],
  [T.HVM_PARAMS, between(8, 8 * KiB)],
  [T.STATIC_DATA_END, exactly(0)],
  [T.X86_CPUID_POLICY, between(24, 64 * KiB)],
  [T.X86_MSR_POLICY, between(16, 64 * KiB)],

  [T.CAPABILITIES, between(CAPABILITIES_SIZE, CAPABILITIES_SIZE + MAX_ADDRESS)],
  [T.STAGE3, exactly(0)],
  [T.HELLO, exactly(24)],
  [T.READY, exactly(0)],
  [T.GO, exactly(0)],
  [T.SYNC, exactly(8)],
  [T.TAKEN, exactly(8)],
  [T.RUNNING, exactly(0)],
  [T.ABORT, between(0, MAX_REASON)],
  [T.VERDICT_REQUEST, exactly(0)],
  [T.REQUEST, between(16, 16 * MAX_REQUESTS)],
  [T.DONE, between(0, MAX_NOTE)],
  [T.RECORDED_SET, between(8, MAX_RECORDED_SET)],
]);

const BITMAPS: ReadonlySet<number> = new Set([T.EVICT_AHEAD, T.DIRTY_BITMAP, T.MISSING_BITMAP]);

/** Bounds of a body in a domain of at most `maxGfns`; undefined for a type that is not known. */
export function boundsOf(type: number, maxGfns: number): Bounds | undefined {
  if (BITMAPS.has(type)) return between(8, 8 + Math.ceil(maxGfns / 8));
  return BOUNDS.get(type);
}
