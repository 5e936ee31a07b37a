import { BackendError, Errno, MAX_BATCH, type Mapping, NOT_MAPPED } from '../../../src/backends/backend.js';

export function checkSize(gfns: Uint32Array): void {
  if (gfns.length > MAX_BATCH) throw new BackendError('INVALID_ARGUMENT', `${gfns.length} gfns, at most ${MAX_BATCH}`);
}

/** A batch of a domain's memory. Garbage collection is all that unmapping needs. */
export function mapBatch(bytes: Uint8Array, gfns: Uint32Array, isThere: (gfn: number) => boolean): Mapping {
  const slots = gfns.map((gfn) => (isThere(gfn) ? gfn : NOT_MAPPED));
  const errors = Int32Array.from(slots, (slot) => (slot === NOT_MAPPED ? Errno.EINVAL : 0));
  const failed = errors.filter((errno) => errno !== 0).length;
  const unmap = (): void => undefined;
  return { base: bytes, slots, errors, failed, unmap, [Symbol.dispose]: unmap };
}
