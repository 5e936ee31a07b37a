/** Memory paging of Xen's (native/xen-paging.cc): batches, and the ring's page. Addresses are numbers, as in xen-ops.ts. */
declare const paging: unique symbol;

/** Memory that Xen can read, and a handle to call it with. Only the addon looks into it. */
export interface PagingRoom {
  readonly [paging]: never;
}

export interface PagingOps {
  /**
   * A room of so many pages (2 to 47), by the functions of libxencall: what works in it passes so many pages but one to Xen at a time.
   * undefined: there is no memory for it.
   */
  pagingRoom(
    open: number,
    close: number,
    call2: number,
    alloc: number,
    free: number,
    pages: number,
  ): PagingRoom | undefined;
  /** It is freed as soon as nothing works in it any more. */
  pagingRoomClose(room: PagingRoom): void;
  /** Of this process. */
  pagingRoomsOpen(): number;
  /** Nominates and evicts each gfn; one errno a gfn, ENOENT for one without a page. Sets the bits of those that are out then. */
  pageOut(room: PagingRoom, domid: number, gfns: Uint32Array, out: Uint8Array): Promise<Int32Array>;
  /**
   * Gives each gfn its page: number i is `data` from i × 4096, which must not change meanwhile; one errno a gfn, ENOENT for one that
   * is there. Clears the bits of those that are there now. `elsewhere`: on a thread of libuv's.
   */
  pageIn(
    room: PagingRoom,
    domid: number,
    gfns: Uint32Array,
    out: Uint8Array,
    data: Uint8Array,
    elsewhere: true,
  ): Promise<Int32Array>;
  pageIn(
    room: PagingRoom,
    domid: number,
    gfns: Uint32Array,
    out: Uint8Array,
    data: Uint8Array,
    elsewhere: false,
  ): Int32Array;

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
