/**
 * Where a guest keeps its P2M, the table from its own frame numbers to machine frames, and how to find the pages of it:
 * an array in its address space, seen through page tables that it names, or a tree of frames in older kernels
 * (xen/include/public/arch-x86/xen.h, struct arch_shared_info; tools/libs/guest/xg_sr_save_x86_pv.c).
 */
import type { Session } from '../session.js';
import { badGuest } from './errors.js';
import { FRAMES_PER_PAGE } from './layout.js';
import { longestP2m } from './p2m-limit.js';
import type { P2mPlace } from './shared-info.js';

const PAGE_BYTES = 4096;
const LEVELS = 4;
const BITS_PER_LEVEL = 9;
const ENTRY_MASK = 511n;
/** 0xffff800000000000 to 0xffff87ffffffffff are Xen's. */
const XEN_FIRST = 0xffff_8000_0000_0000n;
const XEN_LAST = 0xffff_87ff_ffff_ffffn;

export interface P2mPages {
  /** mfns of the table's pages, in order. */
  readonly mfns: BigUint64Array;
  /** Pfns that they have room for and the guest uses. */
  readonly nrPfns: number;
}

export async function findP2m(session: Session, domid: number, place: P2mPlace): Promise<P2mPages> {
  if (place.nrPfns === 0 || place.nrPfns > 0xffff_ffff) throw badGuest(domid, `its P2M has ${place.nrPfns} entries`);
  return place.cr3 === 0n ? fromTree(session, domid, place) : fromArray(session, domid, place);
}

/** What the guest says, without the tail that leads nowhere: a kernel may make that as long as it likes. */
function checkLength(session: Session, domid: number, nrPfns: number): void {
  const { maxPages } = session.domain(domid);
  if (nrPfns > longestP2m(maxPages))
    throw badGuest(domid, `a P2M of ${nrPfns} entries is too long for a domain of ${maxPages} pages`);
}

const pagesFor = (nrPfns: number): number => Math.ceil(nrPfns / FRAMES_PER_PAGE);

async function fromArray(session: Session, domid: number, { cr3, vaddr, nrPfns }: P2mPlace): Promise<P2mPages> {
  let last = vaddr + BigInt(pagesFor(nrPfns) * PAGE_BYTES) - 1n;
  checkRange(domid, vaddr, last);
  let tables = BigUint64Array.of(cr3 >> 12n);
  for (let level = LEVELS; level >= 1; level--) {
    const shift = BigInt(12 + BITS_PER_LEVEL * (level - 1));
    const length = Number((last >> shift) - (vaddr >> shift)) + 1;
    if (level === 1) checkLength(session, domid, Math.min(nrPfns, length * FRAMES_PER_PAGE));
    const entries = new BigUint64Array(length);
    await withPages(session, domid, tables, (page) => {
      const found = session.ops.entryFrames(page, Number((vaddr >> shift) & ENTRY_MASK), entries);
      if (found < entries.length) throw badGuest(domid, `its P2M has a gap at level ${level}, entry ${found}`);
    });
    const used = level === 2 ? withoutTail(entries) : entries.length;
    tables = entries.subarray(0, used);
    if (used < entries.length) last = (((vaddr >> shift) + BigInt(used)) << shift) - 1n;
  }
  return { mfns: tables, nrPfns: Math.min(nrPfns, tables.length * FRAMES_PER_PAGE) };
}

async function fromTree(session: Session, domid: number, { frameListList, nrPfns }: P2mPlace): Promise<P2mPages> {
  const middles = new BigUint64Array(Math.ceil(pagesFor(nrPfns) / FRAMES_PER_PAGE));
  if (middles.length > FRAMES_PER_PAGE) throw badGuest(domid, `a P2M of ${nrPfns} entries is too long for a tree`);
  await withPages(session, domid, BigUint64Array.of(frameListList), (page) =>
    middles.set(page.subarray(0, middles.length)),
  );
  const used = middles.subarray(0, withoutTail(middles));
  const room = used.length * FRAMES_PER_PAGE;
  checkLength(session, domid, Math.min(nrPfns, room * FRAMES_PER_PAGE));
  const mfns = new BigUint64Array(Math.min(pagesFor(nrPfns), room));
  await withPages(session, domid, used, (page) => mfns.set(page.subarray(0, mfns.length)));
  return { mfns, nrPfns: Math.min(nrPfns, mfns.length * FRAMES_PER_PAGE) };
}

/**
 * Entries that all lead to one page at the end lead to the page that says "nothing here": memory shared like that could not
 * survive a migration. Kernels make their P2M as long as the guest might ever need.
 */
function withoutTail(entries: BigUint64Array): number {
  let run = 1;
  while (run < entries.length && entries[entries.length - 1 - run] === entries[entries.length - 1]) run++;
  return run > 1 && run < entries.length ? entries.length - run : entries.length;
}

function checkRange(domid: number, first: bigint, last: bigint): void {
  const canonical = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
  if (canonical(first) && canonical(last) && (last < XEN_FIRST || first > XEN_LAST)) return;
  throw badGuest(domid, `its P2M cannot lie at 0x${first.toString(16)}–0x${last.toString(16)}`);
}

async function withPages(
  session: Session,
  domid: number,
  mfns: BigUint64Array,
  body: (words: BigUint64Array) => void,
): Promise<void> {
  using mapping = await session.foreign.map(domid, mfns, 'read');
  if (mapping.failed > 0) {
    const bad = mfns[mapping.errors.findIndex((errno) => errno !== 0)];
    throw badGuest(domid, `mfn 0x${bad.toString(16)} leads to its P2M and is no page of its own`);
  }
  body(new BigUint64Array(mapping.base.buffer as ArrayBuffer, 0, mapping.base.length / 8));
}
