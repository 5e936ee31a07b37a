/**
 * Pages of a domain that stay mapped here, dead or alive: Xen keeps a page, and what is left of its domain, for as long as somebody maps
 * it. They are mapped in pieces, and a piece is unmapped as a whole, since no part of a foreign mapping can be: Linux refuses to split
 * one since CVE-2026-31787, which was that it freed all pages of the mapping for each part, where dom0 is PVH.
 */
import { pageOps, type XenOps } from '../../native/index.js';
import { Errno, type HeldPages, type Mapping, NOT_MAPPED, PAGE_SIZE } from '../backend.js';
import { checkBatch } from './batch.js';
import { xenError } from './libs/errors.js';

/** 16 MiB: so much the host gets back at a time. Of a batch of the push, few lie across two. */
const PAGES_PER_PIECE = 4096;

/** What is needed of a Session. */
interface Backend {
  readonly ops: Pick<XenOps, 'heldSlots' | 'copyHeld' | 'releaseHeld'>;
  /** Throws if the backend is closed. */
  readonly foreign: unknown;
  /** Throws if the domain is gone. */
  domain(domid: number): { readonly suspended: boolean };
}

/** One mapping, until nobody wants it any more. */
class Piece {
  private users = 0;

  constructor(private readonly mapping: Mapping) {}

  get base(): Uint8Array {
    return this.mapping.base;
  }

  /** Keeps it mapped until what is returned is called; to call that again does nothing. */
  lend(): () => void {
    let lent = true;
    this.users++;
    return () => {
      if (lent && --this.users === 0) this.mapping.unmap();
      lent = false;
    };
  }
}

/** As ForeignMemory.hold(). `map` is given at most `perPiece` gfns, ascending. */
export async function holdPages(
  backend: Backend,
  domid: number,
  bitmap: Uint8Array,
  pages: number,
  map: (gfns: Uint32Array) => Promise<Mapping>,
  perPiece = PAGES_PER_PIECE,
): Promise<HeldPages> {
  if (!backend.domain(domid).suspended) {
    const what = 'pages are held of a suspended domain only';
    throw xenError({ what, errno: Errno.EINVAL, domid, code: 'INVALID_STATE' });
  }
  const gfns = new Uint32Array(pageOps.bitmapCount(bitmap, pages));
  pageOps.bitmapToGfns(bitmap, pages, 0, gfns);
  const mappings: Mapping[] = [];
  try {
    for (let start = 0; start < gfns.length; start += perPiece) {
      const mapping = await map(gfns.subarray(start, start + perPiece));
      mappings.push(mapping);
      if (mapping.failed > 0) assertHoles(domid, mapping);
    }
    // All of them fail to map if it dies meanwhile, and that is no matter of single pages.
    backend.domain(domid);
  } catch (error) {
    for (const mapping of mappings) mapping.unmap();
    throw error;
  }
  return new XenHeldPages(backend, domid, gfns, perPiece, mappings);
}

/** EINVAL is what a gfn without a page is told. A page that is there and cannot be held would be lost with the domain. */
function assertHoles(domid: number, { errors }: Mapping): void {
  const errno = errors.find((one) => one !== 0 && one !== Errno.EINVAL && one !== Errno.ENOENT);
  if (errno !== undefined) throw xenError({ what: 'not all of its pages can be held', errno, domid });
}

class XenHeldPages implements HeldPages {
  private readonly slots: Uint32Array;
  private readonly pieces: readonly Piece[];
  /** Of each piece: how many of its pages are held, and how it is given up when there are none. */
  private readonly left: Uint32Array;
  private readonly giveUp: readonly (() => void)[];
  private held = 0;

  constructor(
    private readonly backend: Backend,
    private readonly domid: number,
    private readonly gfns: Uint32Array,
    private readonly perPiece: number,
    mappings: readonly Mapping[],
  ) {
    this.slots = new Uint32Array(gfns.length);
    mappings.forEach(({ slots }, number) => {
      this.slots.set(slots, number * perPiece);
    });
    this.left = Uint32Array.from(mappings, ({ slots, failed }) => slots.length - failed);
    this.held = this.left.reduce((sum, count) => sum + count, 0);
    this.pieces = mappings.map((mapping) => new Piece(mapping));
    this.giveUp = this.pieces.map((piece) => piece.lend());
    this.giveUpEmpty();
  }

  get count(): number {
    return this.held;
  }

  map(gfns: Uint32Array): Mapping {
    const { ops, foreign: _open } = this.backend;
    checkBatch(this.domid, gfns);
    const slots = new Uint32Array(gfns.length);
    const errors = new Int32Array(gfns.length);
    const { failed, piece } = ops.heldSlots(this.gfns, this.slots, this.perPiece, gfns, slots, errors);
    if (failed === gfns.length || piece < 0) return this.copied(gfns, { slots, errors, failed });
    const { base } = this.pieces[piece];
    const unmap = this.pieces[piece].lend();
    return { base, slots, errors, failed, unmap, [Symbol.dispose]: unmap };
  }

  release(gfns: Uint32Array): void {
    this.held -= this.backend.ops.releaseHeld(this.gfns, this.slots, this.perPiece, gfns, this.left);
    this.giveUpEmpty();
  }

  [Symbol.dispose](): void {
    this.held = 0;
    this.slots.fill(NOT_MAPPED);
    this.left.fill(0);
    this.giveUpEmpty();
  }

  /** A batch across pieces, or of nothing, in memory of its own. */
  private copied(gfns: Uint32Array, { slots, errors, failed }: Pick<Mapping, 'slots' | 'errors' | 'failed'>): Mapping {
    const base = new Uint8Array(failed === gfns.length ? 0 : gfns.length * PAGE_SIZE);
    const bases = this.pieces.map((piece) => piece.base);
    if (base.length > 0) this.backend.ops.copyHeld(this.gfns, this.slots, this.perPiece, gfns, bases, base, slots);
    const unmap = (): void => undefined;
    return { base, slots, errors, failed, unmap, [Symbol.dispose]: unmap };
  }

  private giveUpEmpty(): void {
    this.left.forEach((count, number) => {
      if (count === 0) this.giveUp[number]();
    });
  }
}
