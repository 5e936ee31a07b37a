/** HVM parameters of a domain (hvm-params.ts has their names). */
import { xenError } from './libs/errors.js';
import type { Session } from './session.js';

export type Param = readonly [index: number, value: bigint];

export function readParams({ control, ops }: Session, domid: number, indices: readonly number[]): bigint[] {
  const values = new BigUint64Array(indices.length);
  const get = control.ctrl.address('xc_hvm_param_get');
  const [done, errno] = ops.hvmParamsGet(get, control.address, domid, Uint32Array.from(indices), values);
  if (errno !== 0) throw xenError({ what: `cannot read HVM param ${indices[done]}`, errno, domid });
  return [...values];
}

/** In this order. Where one is refused, those before it are set. */
export function writeParams({ control, ops }: Session, domid: number, params: readonly Param[]): void {
  const indices = Uint32Array.from(params, ([index]) => index);
  const values = BigUint64Array.from(params, ([, value]) => value);
  const set = control.ctrl.address('xc_hvm_param_set');
  const [done, errno] = ops.hvmParamsSet(set, control.address, domid, indices, values);
  if (errno === 0) return;
  throw xenError({ what: `cannot set HVM param ${indices[done]}`, errno, domid, code: 'BAD_STATE_RECORD' });
}
