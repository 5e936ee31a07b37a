/**
 * What the Xen backend needs from C++ (native/xen-*.cc). There is no fallback: these reach memory that JavaScript cannot.
 * Addresses are numbers, as ffi-napi's `address()` gives them; the addon itself links to no Xen library.
 */
export interface XenOps {
  /**
   * Calls a C function of at most eight integer or pointer arguments on a thread of libuv's. A typed array is passed as its
   * memory, which must not be looked at until the promise settles. Resolves to its result, an int unless `wide`, and its errno.
   */
  callOffLoop(
    address: number,
    args: readonly (number | bigint | NodeJS.TypedArray | null)[],
    wide?: boolean,
  ): Promise<[result: number, errno: number]>;

  /**
   * xenforeignmemory_map2. `frames` are gfns of an HVM domain or mfns of a PV domain. As many pages of this process's own as
   * `spare` says lie at the end of the buffer, if there is one.
   */
  mapForeign(
    map: number,
    unmap: number,
    handle: number,
    domid: number,
    writable: boolean,
    frames: Uint32Array | BigUint64Array,
    spare: number,
  ): Promise<ForeignPages>;
  /** Unmaps and detaches; a second call does nothing. */
  unmapForeign(buffer: ArrayBuffer, region: unknown): void;
  /** Mappings of this process that are open. */
  mappingsOpen(): number;

  /**
   * Pages that are held: `gfns` ascending, slots[i] that of gfns[i] in its mapping, NOT_MAPPED for one that has been let go. A mapping,
   * a piece, has `perPiece` pages of these.
   *
   * Of a batch in any order: out[i] becomes its slot and errors[i] 0, or NOT_MAPPED and EINVAL. `piece`: the one that all lie in, -1 if
   * there are several.
   */
  heldSlots(
    gfns: Uint32Array,
    slots: Uint32Array,
    perPiece: number,
    batch: Uint32Array,
    out: Uint32Array,
    errors: Int32Array,
  ): { readonly failed: number; readonly piece: number };
  /** Page i of the batch to page i of `out`, and at[i] = i; for one that is not held, nothing and NOT_MAPPED. `bases`: of the pieces. */
  copyHeld(
    gfns: Uint32Array,
    slots: Uint32Array,
    perPiece: number,
    batch: Uint32Array,
    bases: readonly Uint8Array[],
    out: Uint8Array,
    at: Uint32Array,
  ): void;
  /** Lets these go. left[k]: how many of piece k are held. Returns how many there were. */
  releaseHeld(gfns: Uint32Array, slots: Uint32Array, perPiece: number, batch: Uint32Array, left: Uint32Array): number;

  /** xc_get_pfn_type_batch, at most 1,024 gfns of an HVM domain or mfns of a PV domain; a negative errno where it fails. */
  pfnTypes(
    types: number,
    xch: number,
    domid: number,
    frames: Uint32Array | BigUint64Array,
  ): Promise<Uint8Array | number>;
  /**
   * Clears the bits of gfns without a page; resolves to how many are left, or a negative errno. `p2m`: of a PV domain, and it must stay
   * mapped meanwhile.
   */
  dropHoles(
    types: number,
    xch: number,
    domid: number,
    bitmap: Uint8Array,
    pages: number,
    p2m?: BigUint64Array,
  ): Promise<number>;

  /** xc_hvm_param_get of each; how many are done, and the errno of the next, or 0. */
  hvmParamsGet(
    get: number,
    xch: number,
    domid: number,
    params: Uint32Array,
    values: BigUint64Array,
  ): [done: number, errno: number];
  /** xc_hvm_param_set, as hvmParamsGet. */
  hvmParamsSet(
    set: number,
    xch: number,
    domid: number,
    params: Uint32Array,
    values: BigUint64Array,
  ): [done: number, errno: number];

  /** The gfns of a stream's batch that want a page: neither XTAB nor BROKEN, and not in the bitmap. Returns how many. */
  wanting(gfns: Uint32Array, types: Uint8Array | undefined, present: Uint8Array, out: Uint32Array): number;
  /** The gfns whose type t has wanted[t] ≠ 0, in order, to `out`, which may be `gfns`. Returns how many. */
  ofTypes(gfns: Uint32Array, types: Uint8Array, wanted: Uint8Array, out: Uint32Array): number;
  /** The highest gfn plus one; 0 if there is none. */
  gfnsEnd(gfns: Uint32Array): number;
  /**
   * xc_domain_populate_physmap of an HVM domain, all or nothing, whole 2 MiB in one piece where there are such; `release` is
   * xc_domain_decrease_reservation. Resolves to an errno, or 0.
   */
  populateGfns(populate: number, release: number, xch: number, domid: number, gfns: Uint32Array): Promise<number>;
}

export interface ForeignPages {
  /** Why nothing at all could be mapped, or 0. */
  readonly errno: number;
  readonly slots: Uint32Array;
  readonly errors: Int32Array;
  readonly failed: number;
  /** Not there if no page could be mapped. */
  readonly buffer?: ArrayBuffer;
  readonly region?: unknown;
}
