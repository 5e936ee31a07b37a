/**
 * A vCPU's context: all of a guest program's state that is not in guest memory. CONTEXT_BYTES a vCPU: 64 32-bit
 * registers, then 32 doubles, little-endian. It travels in the HVM_CONTEXT record (platform-state.ts).
 */
export const CONTEXT_BYTES = 512;
export const U32_REGISTERS = 64;
export const F64_REGISTERS = 32;

/** Meaning of the 32-bit registers. */
export const Reg = {
  /** Id of the guest program (guests/index.ts); 0: the vCPU is offline. */
  PROGRAM: 0,
  /** gfn of the top-level page table. */
  CR3: 1,
  /** {@link GuestFlag} bits. */
  FLAGS: 2,
  /** Why the vCPU stopped for good ({@link Crash}), else 0; and the virtual page it happened at. */
  CRASH: 3,
  CRASH_VPN: 4,
  /** Four words of generator state. */
  RNG: 8,
  /** Pages of the heap, the page-table region and the remapping window of this vCPU (guests/layout.ts). */
  HEAP_PAGES: 12,
  TABLE_PAGES: 13,
  WINDOW_PAGES: 14,
  /** gfn of the first page of the page-table region. */
  TABLE_BASE: 15,
  /** gfns of the first-level table of the window and of a table in reserve. */
  WINDOW_TABLE: 5,
  SPARE_TABLE: 6,
  /** A program's parameters and its variables. */
  PARAM: 16,
  VAR: 32,
} as const;

/** Meaning of the double registers. */
export const FReg = {
  /** Steps executed. */
  STEPS: 0,
  /** Reads whose result was not what the program had written. */
  CORRUPT: 1,
  PARAM: 8,
  VAR: 16,
} as const;

export const GuestFlag = {
  /** The guest never answers a request to suspend itself. */
  IGNORES_SUSPEND: 1,
} as const;

export const Crash = {
  NONE: 0,
  /** A page-table entry on the way was not present, or not writable. */
  PAGE_FAULT: 1,
  /** A page-table entry named a gfn that is a hole or beyond memory. */
  BAD_FRAME: 2,
} as const;

export interface Registers {
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

/** The registers of vCPU `index`, as views. */
export function registersOf(contexts: Uint8Array, index: number): Registers {
  const at = contexts.byteOffset + index * CONTEXT_BYTES;
  return {
    u32: new Uint32Array(contexts.buffer, at, U32_REGISTERS),
    f64: new Float64Array(contexts.buffer, at + U32_REGISTERS * 4, F64_REGISTERS),
  };
}
