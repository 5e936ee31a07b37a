/**
 * What PV domains need from C++ (native/pv-*.cc): frame numbers and page tables of 64-bit guests by the batch. Pure functions over
 * buffers, without a fallback, since only a real Xen has such domains. They check their bounds and throw RangeError.
 *
 * `m2p` maps machine frames (mfns) to the domain's own numbering (pfns), `p2m` the other way; an entry of all ones is none. Either
 * may be memory that others change meanwhile.
 */

/** A flag beside a page's type (PageType of the contract): a page table whose entries name machine frames. */
export const MACHINE_FORM = 0x10;

export interface PvOps {
  /** out[i] = p2m[pfns[i]], or all ones where there is none. */
  machineFrames(p2m: BigUint64Array, pfns: Uint32Array, out: BigUint64Array): void;
  /** out[i] = pfns[i]. */
  widenFrames(pfns: Uint32Array, out: BigUint64Array): void;
  /**
   * out[i] = the pfn of mfns[i], on which both tables must agree. Returns how many were translated before the first that is not
   * the domain's: mfns.length if all are.
   */
  physicalFrames(m2p: BigUint64Array, p2m: BigUint64Array, mfns: BigUint64Array, out: Uint32Array): number;
  /** p2m[pfns[i]] = mfns[i]. */
  setMachineFrames(p2m: BigUint64Array, pfns: Uint32Array, mfns: BigUint64Array): void;
  /** Pfns that have no page and want one, ascending and each once; `types` as a stream names them. Returns how many. */
  wantedFrames(p2m: BigUint64Array, pfns: Uint32Array, types: Uint8Array | undefined, out: Uint32Array): number;
  /** Pfns that have a page, in order, to `out`, which may be `pfns`. Returns how many. */
  heldFrames(p2m: BigUint64Array, pfns: Uint32Array, out: Uint32Array): number;

  /** table[pfns[i]] = types[i], or as[types[i]] where `as`, 256 bytes, is given; pfns beyond the table are left out. */
  setTypes(table: Uint8Array, pfns: Uint32Array, types: Uint8Array, as?: Uint8Array): void;
  /** out[i] = table[pfns[i]] & mask, and XTAB & mask beyond the table. */
  typesAt(table: Uint8Array, pfns: Uint32Array, mask: number, out: Uint8Array): void;
  /** Indices ≥ start whose byte b has wanted[b] ≠ 0, until `out` is full. Returns how many. */
  findBytes(table: Uint8Array, wanted: Uint8Array, start: number, out: Uint32Array): number;

  /**
   * Page tables of a mapped batch in the form of the stream: with pfns in their present entries and nothing in Xen's own, copied to
   * the pages of `base` from `spare` on, where their slots then point. errors[i] is EAGAIN where an entry's frame cannot be translated
   * (yet), and E2BIG for a superpage; such a page has no slot any more. Returns how many failed.
   */
  normaliseTables(
    m2p: BigUint64Array,
    p2m: BigUint64Array,
    base: Uint8Array,
    types: Uint8Array,
    slots: Uint32Array,
    errors: Int32Array,
    spare: number,
  ): number;
  /**
   * The same in place, for those of the pfns that have {@link MACHINE_FORM} in `table`, the types of all pfns, where they lose it. A page
   * that failed is not whole any more. A pfn may be named twice; one beyond `table` is left alone.
   */
  restoreForm(
    m2p: BigUint64Array,
    p2m: BigUint64Array,
    base: Uint8Array,
    table: Uint8Array,
    pfns: Uint32Array,
    slots: Uint32Array,
    errors: Int32Array,
  ): number;
  /**
   * The reverse, in place, on hostile input, for page tables without {@link MACHINE_FORM}, which they get in `table`. errors[i] is
   * ENOENT where an entry's page is not populated yet, and ERANGE where the domain has no such pfn; such a page is left as it was.
   * Returns how many failed.
   */
  localiseTables(
    p2m: BigUint64Array,
    base: Uint8Array,
    table: Uint8Array,
    pfns: Uint32Array,
    slots: Uint32Array,
    errors: Int32Array,
  ): number;
  /** Pfns that a page table in stream form refers to and that have no page, to `out` (512 entries). Returns how many. */
  missingFrames(p2m: BigUint64Array, base: Uint8Array, slot: number, out: Uint32Array): number;
  /**
   * Frames of out.length page table entries from `start` on. Returns how many were present before the first that was not: out.length if
   * all are.
   */
  entryFrames(entries: BigUint64Array, start: number, out: BigUint64Array): number;
}
