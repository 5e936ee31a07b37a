/**
 * Structures of the PV interface that travel or are rewritten, as byte offsets for a 64-bit guest
 * (xen/include/public/xen.h, arch-x86/xen.h, arch-x86/xen-x86_64.h; the same from 4.14 to 4.20).
 */

/** struct vcpu_guest_context. */
export const VcpuContext = {
  BYTES: 5168,
  FLAGS: 512,
  /** Of vCPU 0 of a suspended guest: the mfn of its start_info. */
  RDX: 616,
  GDT_FRAMES: 4832,
  GDT_ENTRIES: 4960,
  /** The user's page tables; in a stream bit 0 marks that there are any. */
  CR1: 4992,
  CR3: 5008,
} as const;

/** VGCF_online. */
export const VCPU_ONLINE = 1n << 5n;
/** FIRST_RESERVED_GDT_ENTRY: 14 pages of entries are the guest's. */
export const MAX_GDT_ENTRIES = 14 * 512;
export const GDT_ENTRIES_PER_PAGE = 512;

/** struct shared_info. */
export const SharedInfo = {
  VCPU_INFO: 0,
  VCPU_INFO_BYTES: 64,
  /** XEN_LEGACY_MAX_VCPUS. */
  VCPUS: 32,
  /** Within a vcpu_info. */
  PENDING_SELECTOR: 8,
  EVTCHN_PENDING: 2048,
  EVTCHN_MASK: 2560,
  EVTCHN_BYTES: 512,
  ARCH: 3088,
  ARCH_BYTES: 48,
  MAX_PFN: 3088,
  /** mfn of the P2M's top as a tree; not 0 once the guest has published its P2M. */
  FRAME_LIST_LIST: 3096,
  /** The P2M as an array in the guest's address space, seen through these page tables. */
  P2M_CR3: 3112,
  P2M_VADDR: 3120,
  /** Odd while the guest changes the mapping of that array; moves with each change. */
  P2M_GENERATION: 3128,
} as const;

/** struct start_info. */
export const StartInfo = {
  NR_PAGES: 32,
  SHARED_INFO: 40,
  FLAGS: 48,
  STORE_MFN: 56,
  STORE_EVTCHN: 64,
  CONSOLE_MFN: 72,
  CONSOLE_EVTCHN: 80,
} as const;

/** struct mmuext_op; MMUEXT_PIN_L1_TABLE to L4 are 0 to 3. */
export const MmuextOp = { BYTES: 24, COMMAND: 0, MFN: 8 } as const;

/** Frames in one page of a P2M, and entries in one page table. */
export const FRAMES_PER_PAGE = 512;
/** Marks a pfn without a page, and a machine frame that does not exist. */
export const INVALID_FRAME = 0xffff_ffff_ffff_ffffn;
