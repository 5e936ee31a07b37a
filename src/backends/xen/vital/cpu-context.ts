/** What of an HVM context says where a vCPU works: struct hvm_hw_cpu (xen/include/public/arch-x86/hvm/save.h), hostile no more than Xen. */

/** Registers of a vCPU, as virtual addresses but for cr3. */
export interface CpuContext {
  /** It translates addresses by tables of 64-bit mode. */
  readonly longMode: boolean;
  readonly levels: 4 | 5;
  /** gfn of the top table. */
  readonly root: number;
  readonly rsp: bigint;
  readonly rip: bigint;
  /** Kernel and user; which is which depends on where the vCPU is. */
  readonly gs: readonly bigint[];
  /** Task state, descriptors and interrupts. */
  readonly segments: readonly bigint[];
}

/** struct hvm_save_descriptor: u16 type, u16 instance, u32 length. */
const DESCRIPTOR_BYTES = 8;
const TYPE_END = 0;
const TYPE_CPU = 2;

const At = {
  RSP: 568,
  RIP: 640,
  CR0: 656,
  CR3: 672,
  CR4: 680,
  GS: 840,
  TR: 856,
  IDTR: 872,
  GDTR: 880,
  SHADOW_GS: 944,
  EFER: 992,
  END: 1000,
} as const;

const PAGING = 1n << 31n;
const LA57 = 1n << 12n;
const LONG_MODE_ACTIVE = 1n << 10n;
const FRAME_BITS = 52;
const PAGE_SHIFT = 12n;

/** Of those vCPUs that are online. */
export function cpuContexts(context: Buffer): CpuContext[] {
  const found: CpuContext[] = [];
  for (let at = 0; at + DESCRIPTOR_BYTES <= context.length; ) {
    const type = context.readUInt16LE(at);
    const length = context.readUInt32LE(at + 4);
    at += DESCRIPTOR_BYTES;
    if (type === TYPE_END) break;
    if (type === TYPE_CPU && length >= At.END && at + length <= context.length)
      found.push(decode(context.subarray(at, at + length)));
    at += length;
  }
  return found;
}

function decode(cpu: Buffer): CpuContext {
  const word = (at: number): bigint => cpu.readBigUInt64LE(at);
  return {
    longMode: (word(At.CR0) & PAGING) !== 0n && (word(At.EFER) & LONG_MODE_ACTIVE) !== 0n,
    levels: (word(At.CR4) & LA57) === 0n ? 4 : 5,
    root: Number(BigInt.asUintN(FRAME_BITS, word(At.CR3)) >> PAGE_SHIFT),
    rsp: word(At.RSP),
    rip: word(At.RIP),
    gs: [word(At.GS), word(At.SHADOW_GS)],
    segments: [word(At.TR), word(At.IDTR), word(At.GDTR)],
  };
}
