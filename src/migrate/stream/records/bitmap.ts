/** Body of EVICT_AHEAD, DIRTY_BITMAP and MISSING_BITMAP: u64 pages, then ⌈pages/8⌉ bytes as log-dirty's. */
import { StreamError } from '../errors.js';

/** The body as chunks; the bitmap is not copied, but for its last byte, where bits past `pages` are cleared. */
export function encodeBitmap(pages: number, bitmap: Uint8Array): Uint8Array[] {
  const bytes = Math.ceil(pages / 8);
  if (bitmap.length < bytes)
    throw new RangeError(`a bitmap of ${pages} pages has ${bytes} bytes, not ${bitmap.length}`);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(pages), true);
  if (pages % 8 === 0) return [head, bitmap.subarray(0, bytes)];
  const last = Uint8Array.of(bitmap[bytes - 1] & lastByteMask(pages));
  return [head, bitmap.subarray(0, bytes - 1), last];
}

/**
 * The bitmap is a view of `body`.
 * @param pages how many the domain has; any other number is refused
 * @throws StreamError BAD_COUNT, BAD_LENGTH, BAD_RESERVED
 */
export function decodeBitmap(body: Uint8Array, pages: number, offset: number): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const found = view.getBigUint64(0, true);
  if (found !== BigInt(pages)) {
    throw new StreamError('BAD_COUNT', `A bitmap of ${found} pages for a domain of ${pages}`, offset);
  }
  const bitmap = body.subarray(8);
  if (bitmap.length !== Math.ceil(pages / 8)) {
    throw new StreamError('BAD_LENGTH', `A bitmap of ${pages} pages has ${bitmap.length} bytes`, offset);
  }
  if (pages % 8 !== 0 && (bitmap[bitmap.length - 1] & ~lastByteMask(pages)) !== 0) {
    throw new StreamError('BAD_RESERVED', 'A bitmap has bits beyond its pages', offset);
  }
  return bitmap;
}

function lastByteMask(pages: number): number {
  return (1 << (pages % 8)) - 1;
}
