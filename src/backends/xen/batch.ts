import { Errno, MAX_BATCH } from '../backend.js';
import { xenError } from './libs/errors.js';

/** MUST 32. */
export function checkBatch(domid: number, gfns: Uint32Array): void {
  if (gfns.length <= MAX_BATCH) return;
  const what = `${gfns.length} gfns are too many for one call: at most ${MAX_BATCH}`;
  throw xenError({ what, errno: Errno.EINVAL, domid, code: 'INVALID_ARGUMENT', remedy: 'split the batch' });
}
