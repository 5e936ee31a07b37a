/**
 * What PV domains need from C++ (native/pv-*.cc): frame numbers and page tables of 64-bit guests by the batch. Pure functions over
 * buffers, without a fallback, since only a real Xen has such domains. They check their bounds and throw RangeError.
 *
 * `m2p` maps machine frames (mfns) to the domain's own numbering (pfns), `p2m` the other way; an entry of all ones is none. Either
 * may be memory that others change meanwhile.
 */
export interface PvOps {
  /** out[i] = p2m[pfns[i]], or all ones where there is none. */
  machineFrames(p2m: BigUint64Array, pfns: Uint32Array, out: BigUint64Array): void;
  /**
   * out[i] = the pfn of mfns[i], on which both tables must agree. Returns how many were translated before the first that is not
   * the domain's: mfns.length if all are.
   */
  physicalFrames(m2p: BigUint64Array, p2m: BigUint64Array, mfns: BigUint64Array, out: Uint32Array): number;
  /** p2m[pfns[i]] = mfns[i]. */
  setMachineFrames(p2m: BigUint64Array, pfns: Uint32Array, mfns: BigUint64Array): void;
  /** Pfns that have no page and want one, ascending and each once; `types` as a stream names them. Returns how many. */
  wantedFrames(p2m: BigUint64Array, pfns: Uint32Array, types: Uint8Array | undefined, out: Uint32Array): number;

  /** table[indices[i]] = values[i]. */
  putBytesAt(table: Uint8Array, indices: Uint32Array, values: Uint8Array): void;
  /** Indices ≥ start whose byte b has wanted[b] ≠ 0, until `out` is full. Returns how many. */
  findBytes(table: Uint8Array, wanted: Uint8Array, start: number, out: Uint32Array): number;

  /**
   * Page tables from machine to stream form: page from[i] of `base` to page to[i] (which may be the same), with pfns in its present
   * entries and nothing in Xen's own. errors[i] is 0; EAGAIN where an entry's frame cannot be translated (yet); E2BIG for a
   * superpage. Then page to[i] is undefined. Returns how many failed.
   */
  normaliseTables(
    m2p: BigUint64Array,
    p2m: BigUint64Array,
    base: Uint8Array,
    from: Uint32Array,
    types: Uint8Array,
    to: Uint32Array,
    errors: Int32Array,
  ): number;
  /**
   * The reverse, in place, on hostile input. errors[i] is 0; ENOENT where an entry's page is not populated yet; ERANGE where the
   * domain has no such pfn. Such a page is left as it was. Returns how many failed.
   */
  localiseTables(p2m: BigUint64Array, base: Uint8Array, slots: Uint32Array, errors: Int32Array): number;
  /** Pfns that a page table in stream form refers to and that have no page, to `out` (512 entries). Returns how many. */
  missingFrames(p2m: BigUint64Array, base: Uint8Array, slot: number, out: Uint32Array): number;
  /**
   * Frames of out.length page table entries from `start` on. Returns how many were present before the first that was not: out.length if
   * all are.
   */
  entryFrames(entries: BigUint64Array, start: number, out: BigUint64Array): number;
}
