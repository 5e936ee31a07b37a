/** Bodies of the records that only PV domains have (docs/specs/libxc-migration-stream.pandoc). Decoders throw RangeError. */

import { EXTENDED_MAX_BYTES, VCPU_MSR_BYTES } from './control.js';
import { FRAMES_PER_PAGE, VcpuContext } from './layout.js';

/** u8 width of a word, u8 levels of page tables, 6 × 0. */
export const PV_INFO_64BIT: Uint8Array = Uint8Array.of(8, 4, 0, 0, 0, 0, 0, 0);

/** Bytes of a word of the guest's. */
export function decodePvInfo(body: Uint8Array): 4 | 8 {
  if (body.length !== PV_INFO_64BIT.length) throw new RangeError(`${body.length} bytes, not ${PV_INFO_64BIT.length}`);
  const [width, levels] = body;
  if (width === 8 && levels === 4) return 8;
  if (width === 4 && levels === 3) return 4;
  throw new RangeError(`${8 * width} bits with ${levels} levels of page tables`);
}

export interface P2mFrames {
  readonly firstPfn: number;
  readonly lastPfn: number;
  /** Pfns of the pages that hold the entries of firstPfn to lastPfn. */
  readonly leaves: Uint32Array;
}

const P2M_HEADER_BYTES = 8;
/** pfns are 32 bits wide here, and the last of them is none. */
const NO_PFN = 0xffff_ffffn;

/** u32 first pfn, u32 last pfn, u64 pfn[]. */
export function encodeP2mFrames(nrPfns: number, leaves: Uint32Array): Buffer {
  const body = Buffer.alloc(P2M_HEADER_BYTES + 8 * leaves.length);
  body.writeUInt32LE(nrPfns - 1, 4);
  for (const [i, pfn] of leaves.entries()) body.writeBigUInt64LE(BigInt(pfn), P2M_HEADER_BYTES + 8 * i);
  return body;
}

export function decodeP2mFrames(bytes: Uint8Array): P2mFrames {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length < P2M_HEADER_BYTES) throw new RangeError(`${body.length} bytes are too few`);
  const firstPfn = body.readUInt32LE(0);
  const lastPfn = body.readUInt32LE(4);
  if (firstPfn > lastPfn) throw new RangeError(`pfns from 0x${firstPfn.toString(16)} to 0x${lastPfn.toString(16)}`);
  const count = Math.floor(lastPfn / FRAMES_PER_PAGE) - Math.floor(firstPfn / FRAMES_PER_PAGE) + 1;
  if (body.length !== P2M_HEADER_BYTES + 8 * count)
    throw new RangeError(`${count} frames do not make ${body.length} bytes`);
  const leaves = Uint32Array.from({ length: count }, (_, i) => {
    const pfn = body.readBigUInt64LE(P2M_HEADER_BYTES + 8 * i);
    if (pfn >= NO_PFN) throw new RangeError(`frame ${i} is pfn 0x${pfn.toString(16)}`);
    return Number(pfn);
  });
  return { firstPfn, lastPfn, leaves };
}

/** u32 vCPU, u32 0, and a blob. */
const VCPU_HEADER_BYTES = 8;

export function encodeVcpu(vcpu: number, blob: Buffer): Buffer {
  const header = Buffer.alloc(VCPU_HEADER_BYTES);
  header.writeUInt32LE(vcpu);
  return Buffer.concat([header, blob]);
}

export interface VcpuBlob {
  readonly vcpu: number;
  /** Empty from some older senders, and then to be ignored. */
  readonly blob: Buffer;
}

/** `fits` says of a blob whether it can be one of its kind. */
export function decodeVcpu(bytes: Uint8Array, vcpus: number, fits: (blob: Buffer) => boolean): VcpuBlob {
  const body = Buffer.from(bytes);
  if (body.length < VCPU_HEADER_BYTES) throw new RangeError(`${body.length} bytes are too few`);
  const blob = body.subarray(VCPU_HEADER_BYTES);
  const vcpu = body.readUInt32LE(0);
  if (blob.length === 0) return { vcpu, blob };
  if (vcpu >= vcpus) throw new RangeError(`vCPU ${vcpu} of a domain that has ${vcpus}`);
  if (!fits(blob)) throw new RangeError(`${blob.length} bytes of state for vCPU ${vcpu}`);
  return { vcpu, blob };
}

/** The extended context says its own length (struct xen_domctl_ext_vcpucontext: u32 vcpu, u32 size). */
const EXTENDED_SIZE_AT = 4;
/** xcr0 and xcr0_accum, then an XSAVE area: its legacy part and its header are always there. */
const XSAVE_MASKS_BYTES = 16;
const XSAVE_LEAST_BYTES = XSAVE_MASKS_BYTES + 512 + 64;

/** Whether a vCPU's record can be what it says it is. */
export const VcpuFits = {
  basic: ({ length }: Buffer): boolean => length === VcpuContext.BYTES,
  extended: (blob: Buffer): boolean =>
    blob.length >= 8 && blob.length <= EXTENDED_MAX_BYTES && blob.readUInt32LE(EXTENDED_SIZE_AT) === blob.length,
  xsave: ({ length }: Buffer): boolean => length === XSAVE_MASKS_BYTES || length >= XSAVE_LEAST_BYTES,
  msrs: ({ length }: Buffer): boolean => length % VCPU_MSR_BYTES === 0,
} as const;
export type VcpuPart = keyof typeof VcpuFits;
