import { GFN_LIMIT, needAtLeast, needBelow, needInteger, needSameLength } from './checks.js';

function needPages(bitmap: Uint8Array, pages: number): void {
  needInteger('pages', pages, Math.min(bitmap.length * 8, GFN_LIMIT));
}

export function testBit(bitmap: Uint8Array, gfn: number): number {
  return (bitmap[gfn >>> 3] >>> (gfn & 7)) & 1;
}

/** Byte `index` of the bitmap, without the bits at `pages` and beyond. */
function byteAt(bitmap: Uint8Array, index: number, pages: number): number {
  const bits = pages - index * 8;
  return bits < 8 ? bitmap[index] & ((1 << bits) - 1) : bitmap[index];
}

export function bitmapToGfns(bitmap: Uint8Array, pages: number, start: number, out: Uint32Array): number {
  needPages(bitmap, pages);
  needInteger('start', start, pages);
  const bytes = Math.ceil(pages / 8);
  let found = 0;
  let keep = 0xff << (start % 8);
  for (let index = Math.floor(start / 8); index < bytes && found < out.length; index++) {
    let byte = byteAt(bitmap, index, pages) & keep;
    keep = 0xff;
    for (; byte !== 0 && found < out.length; byte &= byte - 1) {
      out[found++] = index * 8 + (31 - Math.clz32(byte & -byte));
    }
  }
  return found;
}

export function bitmapCount(bitmap: Uint8Array, pages: number): number {
  needPages(bitmap, pages);
  const bytes = Math.ceil(pages / 8);
  let count = 0;
  for (let index = 0; index < bytes; index++) {
    for (let byte = byteAt(bitmap, index, pages); byte !== 0; byte &= byte - 1) count++;
  }
  return count;
}

export function bitmapOr(dst: Uint8Array, src: Uint8Array): void {
  needSameLength('dst', dst.length, 'src', src.length);
  for (let i = 0; i < dst.length; i++) dst[i] |= src[i];
}

export function bitmapAnd(dst: Uint8Array, src: Uint8Array): void {
  needSameLength('dst', dst.length, 'src', src.length);
  for (let i = 0; i < dst.length; i++) dst[i] &= src[i];
}

export function bitmapAndNot(dst: Uint8Array, src: Uint8Array): void {
  needSameLength('dst', dst.length, 'src', src.length);
  for (let i = 0; i < dst.length; i++) dst[i] &= ~src[i];
}

export function bitmapSet(bitmap: Uint8Array, gfns: Uint32Array): number {
  needBelow('gfns', gfns, bitmap.length * 8);
  let changed = 0;
  for (const gfn of gfns) {
    changed += 1 - testBit(bitmap, gfn);
    bitmap[gfn >>> 3] |= 1 << (gfn & 7);
  }
  return changed;
}

export function bitmapClear(bitmap: Uint8Array, gfns: Uint32Array): number {
  needBelow('gfns', gfns, bitmap.length * 8);
  let changed = 0;
  for (const gfn of gfns) {
    changed += testBit(bitmap, gfn);
    bitmap[gfn >>> 3] &= ~(1 << (gfn & 7));
  }
  return changed;
}

export function bitmapTest(bitmap: Uint8Array, gfns: Uint32Array, out: Uint8Array): void {
  needBelow('gfns', gfns, bitmap.length * 8);
  needAtLeast('out', out.length, gfns.length);
  for (let i = 0; i < gfns.length; i++) out[i] = testBit(bitmap, gfns[i]);
}
