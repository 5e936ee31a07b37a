/** Small helpers on bitmaps and mapped pages. Test sizes: a loop over pages is fine here. */
import assert from 'node:assert/strict';
import { type Domain, type Mapping, PAGE_SIZE } from '../../src/backends/backend.js';

export const bytesFor = (pages: number): number => Math.ceil(pages / 8);

export function isSet(bitmap: Uint8Array, gfn: number): boolean {
  return (bitmap[gfn >> 3] & (1 << (gfn & 7))) !== 0;
}

/** A bitmap for so many pages, in which these gfns are set. */
export function bitmapOf(gfns: Uint32Array, pages: number): Uint8Array {
  const bitmap = new Uint8Array(bytesFor(pages));
  for (const gfn of gfns) bitmap[gfn >> 3] |= 1 << (gfn & 7);
  return bitmap;
}

/** Set bits among the first `pages`. */
export function countSet(bitmap: Uint8Array, pages: number): number {
  let count = 0;
  for (let gfn = 0; gfn < pages; gfn++) if (isSet(bitmap, gfn)) count++;
  return count;
}

/** All of these gfns are in the bitmap. */
export function assertDirty(bitmap: Uint8Array, gfns: Uint32Array, why: string): void {
  const clean = gfns.filter((gfn) => !isSet(bitmap, gfn));
  assert.equal(clean.length, 0, `${why}: not dirty: gfn ${clean.subarray(0, 8).join(', ')}`);
}

/** None of these gfns is in the bitmap. */
export function assertClean(bitmap: Uint8Array, gfns: Uint32Array, why: string): void {
  const dirty = gfns.filter((gfn) => isSet(bitmap, gfn));
  assert.equal(dirty.length, 0, `${why}: dirty: gfn ${dirty.subarray(0, 8).join(', ')}`);
}

export function assertBlank(bitmap: Uint8Array, why: string): void {
  assert.ok(
    bitmap.every((byte) => byte === 0),
    why,
  );
}

/** The first word of page i of a mapping. */
export function wordAt(mapping: Mapping, index: number): number {
  return view(mapping, index).getUint32(0, true);
}

/** Fills page i of a mapping with one word. */
export function fillPage(mapping: Mapping, index: number, word: number): void {
  const page = view(mapping, index);
  for (let at = 0; at < PAGE_SIZE; at += 4) page.setUint32(at, word, true);
}

function view({ base, slots, errors }: Mapping, index: number): DataView {
  assert.equal(errors[index], 0, `page ${index} of the batch is not mapped`);
  return new DataView(base.buffer, base.byteOffset + slots[index] * PAGE_SIZE, PAGE_SIZE);
}

/** The first word of each page, seen from outside, at this moment. */
export async function peekWords(domain: Domain, gfns: Uint32Array): Promise<Uint32Array> {
  using mapping = await domain.memory.map(gfns, 'read');
  return gfns.map((_, index) => wordAt(mapping, index));
}

/** A copy of the whole pages, one after the other. */
export async function copyPages(domain: Domain, gfns: Uint32Array): Promise<Uint8Array> {
  using mapping = await domain.memory.map(gfns, 'read');
  return contentsOf(mapping);
}

/** The same of a batch that is mapped. */
export function contentsOf(mapping: Mapping): Uint8Array {
  const copy = new Uint8Array(mapping.slots.length * PAGE_SIZE);
  mapping.slots.forEach((_, index) => {
    const page = view(mapping, index);
    copy.set(new Uint8Array(page.buffer, page.byteOffset, PAGE_SIZE), index * PAGE_SIZE);
  });
  return copy;
}

/** `count` pages, each filled with its own word. */
export function pagesOf(words: readonly number[]): Uint8Array {
  const data = new Uint32Array(words.length * (PAGE_SIZE / 4));
  words.forEach((word, index) => {
    data.fill(word, (index * PAGE_SIZE) / 4, ((index + 1) * PAGE_SIZE) / 4);
  });
  return new Uint8Array(data.buffer);
}

export const one = (gfn: number): Uint32Array => Uint32Array.of(gfn);
