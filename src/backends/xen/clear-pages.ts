import type { BackendErrorCode } from '../backend.js';
import { xenError } from './libs/errors.js';
import type { Session } from './session.js';

/** Writes zeroes to pages of an HVM domain. @throws BackendError, of the code given, if one cannot be mapped */
export async function clearPages(
  { foreign }: Session,
  domid: number,
  gfns: Uint32Array,
  code?: BackendErrorCode,
): Promise<void> {
  if (gfns.length === 0) return;
  using mapping = await foreign.map(domid, gfns, 'write');
  const errno = mapping.errors.find(Boolean) ?? 0;
  if (mapping.failed > 0)
    throw xenError({ what: `${mapping.failed} of its pages cannot be cleared`, errno, domid, code });
  mapping.base.fill(0);
}
