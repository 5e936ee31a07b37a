/** What the hypervisor says of pages; it knows them by frames: gfns of an HVM domain, mfns of a PV domain. */
import { xenError } from './libs/errors.js';
import type { Session } from './session.js';

const CALL = 'xc_get_pfn_type_batch';
const WHAT = 'the types of its pages cannot be read';

/** The PageType of each; XTAB for a frame that is none of the domain's. */
export async function frameTypes(
  { control, ops }: Session,
  domid: number,
  frames: Uint32Array | BigUint64Array,
): Promise<Uint8Array> {
  const types = await ops.pfnTypes(control.ctrl.address(CALL), control.address, domid, frames);
  if (typeof types === 'number') throw xenError({ what: WHAT, errno: -types, domid });
  return types;
}

/** As ForeignMemory.dropHoles(). `p2m`: of a PV domain; it must stay mapped meanwhile. */
export async function dropHoles(
  { control, ops }: Session,
  domid: number,
  bitmap: Uint8Array,
  pages: number,
  p2m?: BigUint64Array,
): Promise<number> {
  const left = await ops.dropHoles(control.ctrl.address(CALL), control.address, domid, bitmap, pages, p2m);
  if (left < 0) throw xenError({ what: WHAT, errno: -left, domid });
  return left;
}
