/**
 * One domain as its vCPUs see it: a plain object of views over SharedArrayBuffers, so that it can be handed to a worker
 * thread as it is. Nothing here moves with a migration but `memory`, the populated state of `p2m`, and `contexts`.
 */
import { PAGE_SIZE, type PagingMode } from '../backend.js';
import { CONTEXT_BYTES } from './registers.js';

/** What lies behind a gfn. One byte a gfn in {@link Machine.p2m}; 0 so that fresh memory is a hole. */
export const P2m = {
  /** Never populated. */
  NONE: 0,
  RAM: 1,
  /** Given back by the guest or taken by the toolstack. Like NONE to everyone but the reader of statistics. */
  BALLOONED: 2,
  /** Missing: taken out by demand paging. */
  PAGED_OUT: 3,
  /** Missing, and a vCPU waits for it. */
  PAGING_IN: 4,
} as const;

export const isMissing = (state: number): boolean => state === P2m.PAGED_OUT || state === P2m.PAGING_IN;

/** Words of {@link Machine.control} that belong to the whole domain. */
export const Control = {
  /** How many holders keep the vCPUs out of guest mode. Waited on (Atomics.wait) by live vCPUs. */
  HOLD: 0,
  /** Bumped whenever a cached translation may be wrong; a vCPU whose copy differs flushes before its next step. */
  TLB_GENERATION: 1,
  /** 1 while log-dirty is on. */
  LOG_DIRTY: 2,
  /** Clean→dirty transitions and shadow faults since the last completed CLEAN (u32). */
  DIRTY_COUNT: 3,
  FAULT_COUNT: 4,
  /** Words of vCPU i begin at VCPU_FIRST + i × VCPU_STRIDE. */
  VCPU_FIRST: 16,
  VCPU_STRIDE: 16,
} as const;

/** Words of one vCPU in {@link Machine.control}, live driver only. A stride apart, so that two vCPUs share no cache line. */
export const VcpuControl = {
  /** 1 while the vCPU executes a step. */
  IN_GUEST: 0,
  /** Bumped whenever pages have been loaded; slept on by a vCPU that waits for one. */
  LOADED: 1,
  /** Never changes; slept on by a vCPU that lets time pass. */
  TIMER: 2,
} as const;

export const vcpuWord = (vcpu: number, word: number): number => Control.VCPU_FIRST + vcpu * Control.VCPU_STRIDE + word;

/** Float64 counters of one vCPU ({@link Machine.counters}); written by that vCPU alone; they do not move with the domain. */
export const Counter = {
  /** Microseconds spent waiting for missing pages, and how often. */
  BLOCKED_US: 0,
  MISSES: 1,
  /** Walks of the guest's page tables. */
  WALKS: 2,
  /** Shadow entries built, and read-only entries made writable: the two kinds of shadow fault. */
  SHADOW_BUILDS: 3,
  SHADOW_FIXUPS: 4,
  /** Pages that this vCPU turned from clean to dirty. */
  DIRTIED: 5,
  STRIDE: 8,
} as const;

/** gfns that one leaf of Xen's log-dirty trie covers: a page of bits. */
export const LOG_DIRTY_LEAF_GFNS = PAGE_SIZE * 8;

/** Most vCPUs a domain may have; a bound for records from outside. */
export const MAX_VCPUS = 32;

export interface Machine {
  readonly pagingMode: PagingMode;
  readonly vcpus: number;
  /** gfns are below this. */
  readonly maxPages: number;
  /** Guest-physical memory: gfn g is the page at g × 4096. */
  readonly memory: Uint8Array;
  /** The same bytes as 32-bit words: gfn g begins at word g × 1024. */
  readonly words: Uint32Array;
  /** A {@link P2m} state a gfn. */
  readonly p2m: Uint8Array;
  /** Log-dirty bitmap, whole leaves. */
  readonly dirty: Uint8Array;
  /** Shadow tables, one after the other, `shadowEntries` × 2 words a vCPU (mmu/shadow.ts). Empty under HAP. */
  readonly shadow: Uint32Array;
  readonly shadowEntries: number;
  /** vCPU contexts (registers.ts), CONTEXT_BYTES each. */
  readonly contexts: Uint8Array;
  /** {@link Control}, {@link VcpuControl}. */
  readonly control: Int32Array;
  /** {@link Counter}. */
  readonly counters: Float64Array;
}

export interface MachineSpec {
  readonly pagingMode: PagingMode;
  readonly vcpus: number;
  readonly maxPages: number;
}

/** A machine without content over `memory`, which must be a zeroed, page-aligned view of shared memory. */
export function createMachine(memory: Uint8Array, spec: MachineSpec): Machine {
  const { pagingMode, vcpus, maxPages } = spec;
  const leaves = Math.ceil(maxPages / LOG_DIRTY_LEAF_GFNS);
  const shadowEntries = pagingMode === 'shadow' ? shadowSize(maxPages / vcpus) : 0;
  return {
    pagingMode,
    vcpus,
    maxPages,
    memory,
    words: new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4),
    p2m: new Uint8Array(new SharedArrayBuffer(maxPages)),
    dirty: new Uint8Array(new SharedArrayBuffer(leaves * PAGE_SIZE)),
    shadow: new Uint32Array(new SharedArrayBuffer(shadowEntries * 2 * vcpus * 4)),
    shadowEntries,
    contexts: new Uint8Array(new SharedArrayBuffer(CONTEXT_BYTES * vcpus)),
    control: new Int32Array(new SharedArrayBuffer(4 * (Control.VCPU_FIRST + vcpus * Control.VCPU_STRIDE))),
    counters: new Float64Array(new SharedArrayBuffer(8 * Counter.STRIDE * vcpus)),
  };
}

/** A power of two with room for all pages of a vCPU, within a pool of 2 MiB. */
function shadowSize(pages: number): number {
  return Math.min(1 << 18, 2 ** Math.ceil(Math.log2(Math.max(pages, 512))));
}

/** Drops every cached translation and, under shadow paging, the shadow tables. The vCPUs must be held. */
export function flushTranslations(machine: Machine): void {
  machine.shadow.fill(0);
  Atomics.add(machine.control, Control.TLB_GENERATION, 1);
}
