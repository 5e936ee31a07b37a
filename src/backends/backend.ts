/**
 * The contract between the migration engine and a hypervisor.
 *
 * It mirrors libxc's semantics (log-dirty as in xen/arch/x86/mm/paging.c, foreign mapping as in
 * libxenforeignmemory, demand paging as in xen/arch/x86/mm/mem_paging.c) in a shape a TypeScript
 * programmer expects. The engine (src/migrate) imports this folder's contract and nothing else; a
 * backend implements it and imports neither the engine nor another backend.
 *
 * Words: a *gfn* is a guest frame number (one 4 KiB page of guest-physical memory; for a PV domain its
 * pfn). A *domid* is a domain's number on one host. Every MUST below has a number; a conformance test
 * quotes it (test/conformance).
 */

export { BackendError, type BackendErrorCode, Errno } from './errors.js';

/** Bytes in a page. The contract knows one page size: migration stream v2 allows no other on x86. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;

/** Pages in one batch of types/map/populate/evict/load. Xen's own limit for one hypercall of this kind. */
export const MAX_BATCH = 1024;

/** Marks a page of a {@link Mapping} that could not be mapped. */
export const NOT_MAPPED = 0xffffffff;

/**
 * Type of a page, numbered as in bits 63–60 of a PAGE_DATA entry of the migration stream
 * (docs/specs/libxc-migration-stream.pandoc).
 */
export const PageType = {
  /** Plain RAM; carries data. */
  NOTAB: 0x0,
  /** PV page tables, levels 1–4; carry data. Bit 3 set: pinned. */
  L1TAB: 0x1,
  L2TAB: 0x2,
  L3TAB: 0x3,
  L4TAB: 0x4,
  PINNED: 0x8,
  /** The page exists and cannot be read; no data. */
  BROKEN: 0xd,
  /** To be populated, contents not needed (zero after populate); no data. */
  XALLOC: 0xe,
  /** No page here: a hole, ballooned out, never populated — or paged out; no data. */
  XTAB: 0xf,
} as const;

export type GuestType = 'pv' | 'hvm';
/** How dirty pages are found: shadow page tables, or hardware-assisted paging (EPT, NPT). */
export type PagingMode = 'shadow' | 'hap';

/**
 * What a backend can do, as data. Frozen, and the same before and after every call.
 *
 * MUST 1: where a capability is false, or does not list the domain's type, the calls it governs reject with code `NOT_SUPPORTED` and a remedy.
 */
export interface Capabilities {
  /** {@link LogDirty} works. */
  readonly logDirty: boolean;
  /**
   * Guests of these types can run here before all of their memory has arrived: {@link DemandPaging} works. Empty: none. Xen pages
   * no PV domain, which keeps the table of its pages itself.
   */
  readonly demandPaging: readonly GuestType[];
  /** {@link HypervisorBackend.createShell} works, so this host can receive. */
  readonly receive: boolean;
  readonly guestTypes: readonly GuestType[];
  readonly pagingModes: readonly PagingMode[];
  /** Largest domain, in pages. */
  readonly maxPages: number;
}

export interface DomainInfo {
  readonly domid: number;
  readonly name: string;
  readonly guestType: GuestType;
  readonly pagingMode: PagingMode;
  /** vCPUs that exist (online or not). */
  readonly vcpus: number;
  /** Highest gfn ever populated, plus one: the length of a dirty bitmap in bits. */
  readonly nrGfns: number;
  /** Pages populated now. */
  readonly populatedPages: number;
  /** Pages the domain may have at most. */
  readonly maxPages: number;
  /** Pages missing through demand paging. */
  readonly pagedPages: number;
  /** Paused by the toolstack. A pause made inside an operation such as CLEAN does not show. */
  readonly paused: boolean;
  /** The guest has suspended itself and waits for resume() or for its destruction. */
  readonly suspended: boolean;
  readonly dying: boolean;
}

/**
 * A hypervisor on one host.
 *
 * MUST 2: after close(), every call rejects with code `CLOSED`; a second close() resolves.
 */
export interface HypervisorBackend extends AsyncDisposable {
  readonly name: string;
  readonly capabilities: Capabilities;

  /** All domains, in the order of their domids. */
  listDomains(): Promise<DomainInfo[]>;

  /**
   * A handle on one domain. Cheap; several may exist.
   * MUST 3: `NO_SUCH_DOMAIN` where there is none — never the next higher domid, which is what
   * xc_domain_getinfolist returns.
   */
  domain(domid: number): Promise<Domain>;

  /**
   * An empty domain to receive into: paused, no page populated, no vCPU state.
   * MUST 4: `NO_MEMORY` if maxPages cannot be promised, and then nothing is left behind.
   */
  createShell(shell: DomainShell): Promise<Domain>;

  close(): Promise<void>;
}

export interface DomainShell {
  readonly name: string;
  readonly guestType: GuestType;
  readonly maxPages: number;
  readonly vcpus: number;
  /** Of the host's own choice if left out. */
  readonly pagingMode?: PagingMode;
}

/** A handle on one domain. MUST 5: once the domain is gone, every call rejects with `NO_SUCH_DOMAIN`. */
export interface Domain {
  readonly domid: number;
  readonly logDirty: LogDirty;
  readonly memory: ForeignMemory;
  readonly state: PlatformState;
  readonly paging: DemandPaging;

  info(): Promise<DomainInfo>;

  /** MUST 6: when pause() resolves no vCPU runs, nor will until as many unpause() calls as pause() calls. */
  pause(): Promise<void>;
  /** MUST 7: `INVALID_STATE` if the domain is not paused. */
  unpause(): Promise<void>;

  /**
   * Asks the guest to suspend itself and waits until it has. Under libxl it is libxl that does this, so
   * the engine takes the suspend as a callback and calls this only where the caller says so.
   * MUST 8: afterwards no vCPU runs, whatever pause() and unpause() do, until resume().
   * MUST 9: `SUSPEND_FAILED` if the guest does not answer in time; the domain then runs on.
   */
  suspend(): Promise<void>;
  /** Lets a suspended guest run again on this host, as after a cancelled migration. */
  resume(): Promise<void>;

  /** MUST 10: when destroy() resolves, the domid is gone and its memory is free, but for pages still mapped. */
  destroy(): Promise<void>;
}

/** Counters of one PEEK or CLEAN. */
export interface DirtyStats {
  /** The `pages` that were asked for, not clamped. MUST 11. */
  readonly pages: number;
  /** Clean→dirty transitions of the whole domain since the last completed CLEAN. */
  readonly dirtyCount: number;
  /** Fixup faults in the shadow code since then. MUST 12: 0 under HAP. */
  readonly faultCount: number;
}

/**
 * Xen's log-dirty mode (XEN_DOMCTL_SHADOW_OP_*): which pages has the guest written?
 *
 * Bit n of byte k of a bitmap is gfn 8k + n; 1 = dirty. `pages` asks for the first so many gfns.
 */
export interface LogDirty {
  /**
   * ENABLE_LOGDIRTY. MUST 13: every page is clean afterwards. MUST 14: counters are not reset.
   * MUST 15: `INVALID_STATE` (EINVAL) if on already, or the domain has no vCPU. MUST 16: `BUSY` (EBUSY) while
   * another operation of this kind is under way.
   */
  enable(): Promise<void>;

  /** OFF. MUST 17: succeeds when off already. MUST 18: drops the bitmap, keeps the counters. */
  disable(): Promise<void>;

  /**
   * PEEK: reads. MUST 19: changes nothing and re-protects nothing.
   * MUST 20: when off it succeeds with a zero bitmap and the counters as they stand.
   */
  peek(pages: number, bitmap?: Uint8Array): Promise<DirtyStats>;

  /**
   * CLEAN: reads, zeroes bits and counters, re-protects, as one step with regard to the guest's writes.
   * MUST 21: a write is either in the bitmap that a CLEAN returns or in the next one — never in neither.
   * MUST 22: a second CLEAN of a guest that did not run returns nothing dirty and zero counters.
   * MUST 23: without a bitmap it still clears. MUST 24: pages = 0 zeroes the counters and clears no bit.
   * MUST 25: a short CLEAN clears whole 32,768-gfn leaves that it touches, keeps later leaves, and zeroes the
   * counters of the whole domain.
   * MUST 26: exactly ⌈pages/8⌉ bytes of the bitmap are written; bits past the highest gfn are 0.
   * MUST 27: `BAD_BUFFER` (EFAULT) if the bitmap is shorter than that; nothing is cleared then.
   * MUST 28: the pause that it needs does not show in {@link DomainInfo.paused}.
   * `final` says that the domain is suspended and no further CLEAN follows.
   */
  clean(pages: number, bitmap?: Uint8Array, final?: boolean): Promise<DirtyStats>;
}
// A page that is given to the guest while log-dirty is on need not be reported, nor what is written to it, until the next CLEAN
// (Xen before 4.19.6 and 4.20.3): whoever copies the domain looks for such pages himself.
// MUST 29: guest writes dirty a page; guest reads never do; writes through a 'write' mapping of an HVM
// domain do not (Xen leaves these to whoever maps).

export type Access = 'read' | 'write';

/**
 * A batch of guest pages in this process's memory. Page i of the batch is the PAGE_SIZE bytes of `base` from
 * `slots[i] * PAGE_SIZE`, or is not there where `slots[i]` is {@link NOT_MAPPED}; then `errors[i]` is an errno.
 * On Xen `base` is one contiguous mmap; on the emulated backend it is the domain's memory. Neighbouring gfns
 * lie in neighbouring slots wherever the backend can arrange it, so that a run of them is one I/O vector.
 */
export interface Mapping extends Disposable {
  readonly base: Uint8Array;
  readonly slots: Uint32Array;
  /** MUST 30: one errno a page, 0 where it is mapped. A missing page never fails the batch. */
  readonly errors: Int32Array;
  /** How many of `errors` are not 0, so that the usual case needs no loop. */
  readonly failed: number;
  /**
   * Lets the pages go. `base` must not be touched afterwards. MUST 31: a second call does nothing.
   * A page that is mapped cannot be evicted (EBUSY), nor is its memory free after destroy().
   */
  unmap(): void;
}

/**
 * Access to a domain's pages. gfns come as Uint32Array (16 TiB of guest), at most {@link MAX_BATCH} at a time
 * (MUST 32: more is `INVALID_ARGUMENT`).
 *
 * Pages appear in the *form of the migration stream*: a PV backend shows page tables with pfns in place of
 * mfns (on a private copy, EAGAIN in `errors` where an entry cannot be translated yet), and turns them back when
 * a 'write' mapping is unmapped. For an HVM domain that is the page itself.
 */
export interface ForeignMemory {
  /** The {@link PageType} of each gfn. MUST 33: XTAB for a hole, a ballooned, never-populated or paged-out gfn. */
  types(gfns: Uint32Array): Promise<Uint8Array>;

  /**
   * Of the gfns below `pages` that are set in the bitmap (bit n of byte k is gfn 8k + n), clears those that have no page: those of
   * which types() says XTAB. Resolves to how many stay set. MUST 45: it clears no other bit, sets none, and leaves bits from `pages`
   * on as they are. The bitmap must not be touched meanwhile.
   */
  dropHoles(bitmap: Uint8Array, pages: number): Promise<number>;

  /** Maps a batch. MUST 34: a 'read' mapping shows what the guest sees, and later guest writes too. */
  map(gfns: Uint32Array, access: Access): Promise<Mapping>;

  /**
   * Gives each gfn that has none a page of zeroes; gfns that have one are left as they are.
   * `types` are those that the stream named, so that a PV backend knows page tables; XTAB and BROKEN entries are skipped.
   * MUST 35: all or nothing; `NO_MEMORY` beyond maxPages or the host's memory, `BAD_GFN` beyond capabilities.maxPages.
   */
  populate(gfns: Uint32Array, types?: Uint8Array): Promise<void>;

  /**
   * Takes pages away, as a balloon does. Gfns that have none are skipped. `NOT_SUPPORTED` for a guest that runs and keeps the table
   * of its pages itself (PV).
   */
  depopulate(gfns: Uint32Array): Promise<void>;

  /**
   * Gfns that must be present before a vCPU may run at the destination, ascending: page tables, vCPU and
   * special pages. Stage 2 of a post-copy sends these if dirty; everything else may come later. `NOT_SUPPORTED` where that cannot be told.
   */
  vital(): Promise<Uint32Array>;

  /**
   * Takes hold of pages of a suspended domain: of the gfns below `pages` that are set in the bitmap (as for dropHoles(), and not to be
   * touched meanwhile). MUST 48: of these it holds all that have a page, and no other; {@link HeldPages.count} says how many. Where it
   * rejects, nothing is held. MUST 49: `INVALID_STATE` unless the domain is suspended.
   */
  hold(bitmap: Uint8Array, pages: number): Promise<HeldPages>;
}

/**
 * Pages that stay readable here whatever becomes of the domain: what a source serves after the toolstack has destroyed it there. No call
 * waits: what takes time, hold() has done. Types are not told: types() has told them while there was a domain.
 *
 * MUST 50: after destroy() too, a page shows what was in it when the domain was suspended. MUST 51: once all have been released, or this
 * has been disposed of, and what map() gave has been unmapped, nothing of it keeps a page of the domain: it can be evicted, and its
 * memory is free after destroy().
 */
export interface HeldPages extends Disposable {
  /** How many are held now. */
  readonly count: number;

  /**
   * As {@link ForeignMemory.map} for reading, limit included. MUST 52: EINVAL in `errors` for a page that is not held, which never
   * fails the batch. It throws where others reject: `CLOSED` after the backend's close().
   */
  map(gfns: Uint32Array): Mapping;

  /**
   * Lets these pages go, and skips those that are not held. MUST 53: nobody finds them here any more, and all others stay; what was
   * mapped of them before shows the same until it is unmapped. A backend may give memory back in larger pieces: when the last page of
   * a piece is let go.
   */
  release(gfns: Uint32Array): void;
}

/** Types of state records, numbered as in migration stream v2 (docs/specs/libxc-migration-stream.pandoc). */
export const StateRecordType = {
  X86_PV_INFO: 0x2,
  X86_PV_P2M_FRAMES: 0x3,
  X86_PV_VCPU_BASIC: 0x4,
  X86_PV_VCPU_EXTENDED: 0x5,
  X86_PV_VCPU_XSAVE: 0x6,
  SHARED_INFO: 0x7,
  X86_TSC_INFO: 0x8,
  HVM_CONTEXT: 0x9,
  HVM_PARAMS: 0xa,
  X86_PV_VCPU_MSRS: 0xc,
  X86_CPUID_POLICY: 0x11,
  X86_MSR_POLICY: 0x12,
} as const;

/** One record of CPU or platform state: the body of a record of migration stream v2. */
export interface StateRecord {
  /** A {@link StateRecordType}, or one of a backend's own. */
  readonly type: number;
  readonly body: Uint8Array;
}

/** Of a hypervisor: 4.17 is `{ major: 4, minor: 17 }`. */
export interface HypervisorVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * CPU and platform state, opaque to the engine. MUST 46: restore(), finishStatic() and finish() are for a shell: `INVALID_STATE` for a
 * domain that runs, or has run.
 */
export interface PlatformState {
  /**
   * Whose records these are. A stream that is saved here says so of itself; one that says it comes from a newer hypervisor is refused
   * here before anything of it is restored, while one of an older hypervisor must be understood. MUST 47: whole numbers of 32 bits, the
   * same for every domain of the host, shells too, at any time.
   */
  readonly version: HypervisorVersion;
  /**
   * Records that must precede pages, in stream order: PV info, CPU policies, and after these the PV domain's P2M frames. May be read
   * while the guest runs.
   */
  saveStatic(): Promise<StateRecord[]>;
  /** Everything else, in stream order. MUST 36: `INVALID_STATE` unless the domain is suspended. */
  save(): Promise<StateRecord[]>;
  /**
   * Takes one record, checked as hostile input. MUST 37: `BAD_STATE_RECORD` for a malformed one, and the domain stays
   * as it was. Resolves to false for a type it does not know.
   */
  restore(record: StateRecord): Promise<boolean>;
  /**
   * PV info and CPU policies have come, as far as there are any (STATIC_DATA_END of the stream): what must be settled before the first
   * page is settled now. Called once on a shell, before P2M frames and pages. MUST 44: it succeeds where no such record came, as from
   * a Xen before 4.14: the host's own defaults stay then. The domain stays paused and empty.
   */
  finishStatic(): Promise<void>;
  /** All records and pages are there: make the domain runnable. MUST 38: it stays paused. */
  finish(): Promise<void>;
}

/** A vCPU touched a page that is missing and waits for it, or the guest gave a missing page back. */
export interface PageFault {
  readonly gfn: number;
  readonly vcpu: number;
  /**
   * `wait`: a vCPU sleeps until load(). `dropped`: the guest ballooned the page out, nobody waits, and it must
   * never be loaded.
   */
  readonly kind: 'wait' | 'dropped';
}

/**
 * Pages that are taken from a domain and brought back when it touches them (Xen: mem_paging).
 *
 * MUST 39: the backend answers every request of the hypervisor's ring by itself: a load() of a gfn wakes all who
 * wait for it, whoever asked first.
 */
export interface DemandPaging {
  /** Opens the ring. `onFault` is called once for each request, never before enable() has resolved. */
  enable(onFault: (fault: PageFault) => void): Promise<void>;

  /**
   * Takes pages out. One errno a gfn: 0, or EBUSY where the page is mapped or special, ENOENT where there is none.
   * MUST 40: a gfn that is refused is untouched. The domain must be paused or not yet have run.
   */
  evict(gfns: Uint32Array): Promise<Int32Array>;

  /**
   * Fills missing pages: page i of the batch is `data` from i × PAGE_SIZE. One errno a gfn. A gfn that is there already
   * (loaded by another, or dropped) gives ENOENT and keeps its contents (MUST 41: a page is applied once).
   * ENOMEM: nothing changed, try again. MUST 42: the page is whole before anyone sees it.
   */
  load(gfns: Uint32Array, data: Uint8Array): Promise<Int32Array>;

  /** Closes the ring. MUST 43: `BUSY` while pages are missing. Succeeds when it was never enabled. */
  disable(): Promise<void>;
}
