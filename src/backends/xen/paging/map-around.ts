import { Errno, type Mapping, NOT_MAPPED } from '../../backend.js';

/** A mapping of some of a batch as one of all of it: the others fail with ENOENT. They are rare, so a plain loop will do. */
export function mapAround(gfns: Uint32Array, here: Uint32Array, some: Mapping): Mapping {
  const slots = new Uint32Array(gfns.length).fill(NOT_MAPPED);
  const errors = new Int32Array(gfns.length).fill(Errno.ENOENT);
  for (let i = 0, at = 0; i < gfns.length && at < here.length; i++) {
    if (gfns[i] !== here[at]) continue;
    slots[i] = some.slots[at];
    errors[i] = some.errors[at++];
  }
  const failed = some.failed + gfns.length - here.length;
  return { base: some.base, slots, errors, failed, unmap: () => some.unmap(), [Symbol.dispose]: () => some.unmap() };
}
