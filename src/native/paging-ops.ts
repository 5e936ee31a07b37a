/** Memory paging of Xen's (native/xen-paging.cc): batches, and the ring's page. Addresses are numbers, as in xen-ops.ts. */
export interface PagingOps {
  /** xc_mem_paging_nominate and _evict of each gfn; one errno a gfn. Sets the bits of those that are out then. */
  pageOut(
    nominate: number,
    evict: number,
    xch: number,
    domid: number,
    gfns: Uint32Array,
    out: Uint8Array,
  ): Promise<Int32Array>;
  /**
   * xc_mem_paging_load: page i of the batch is `data` from i × 4096, which must not change meanwhile; one errno a gfn. Clears the bits of
   * those that are there (0, ENOENT).
   */
  pageIn(
    load: number,
    xch: number,
    domid: number,
    gfns: Uint32Array,
    data: Uint8Array,
    out: Uint8Array,
  ): Promise<Int32Array>;

  /**
   * Of mapped page tables of a guest in 64-bit mode: the gfns of the tables that they name, without those in the bitmap `seen`, whose
   * bits are set; at most `most`. `mayBeLarge`: an entry may name a large page instead. Untrusted; a gfn beyond the bitmap is left out.
   */
  childTables(base: Uint8Array, slots: Uint32Array, mayBeLarge: boolean, seen: Uint8Array, most: number): Uint32Array;

  /** Makes the page an empty ring. `slotBytes`: size of vm_event_st. */
  ringInit(ring: Uint8Array, slotBytes: number): void;
  /**
   * Requests from number `taken` on, six words each: version, flags, reason, vCPU, gfn, flags of the page. Returns how many, at most
   * those for which there is room; Xen tells of whatever comes behind them.
   */
  ringTake(ring: Uint8Array, slotBytes: number, taken: number, out: Uint32Array): number;
  /** Response number `answered`; Xen sees it when it is notified. */
  ringAnswer(ring: Uint8Array, slotBytes: number, answered: number, response: RingResponse): void;
}

export type RingResponse = readonly [version: number, reason: number, flags: number, vcpu: number, gfn: number];
