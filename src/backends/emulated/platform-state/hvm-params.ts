/** HVM_PARAMS record, 0xa: u32 count, u32 0, then pairs of u64 index and value (docs/specs/libxc-migration-stream.pandoc). */

/** Indices, as in xen/include/public/hvm/params.h. */
export const HvmParam = {
  STORE_PFN: 1n,
  CONSOLE_PFN: 17n,
} as const;

/** HVM_NR_PARAMS of Xen 4.17. */
const MAX_PARAMS = 39;

export function encodeParams(params: ReadonlyMap<bigint, bigint>): Uint8Array {
  const body = new DataView(new ArrayBuffer(8 + 16 * params.size));
  body.setUint32(0, params.size, true);
  let at = 8;
  for (const [index, value] of params) {
    body.setBigUint64(at, index, true);
    body.setBigUint64(at + 8, value, true);
    at += 16;
  }
  return new Uint8Array(body.buffer);
}

/** Throws RangeError on a body that is not of this shape. */
export function decodeParams(body: Uint8Array): Map<bigint, bigint> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < 8) throw new RangeError('HVM_PARAMS is shorter than its header');
  const count = view.getUint32(0, true);
  if (view.getUint32(4, true) !== 0) throw new RangeError('HVM_PARAMS has a reserved field that is not 0');
  if (count > MAX_PARAMS || body.length !== 8 + 16 * count)
    throw new RangeError(`HVM_PARAMS of ${body.length} bytes cannot hold ${count} entries`);
  const params = new Map<bigint, bigint>();
  for (let at = 8; at < body.length; at += 16) {
    const index = view.getBigUint64(at, true);
    if (index >= MAX_PARAMS) throw new RangeError(`HVM_PARAMS has an unknown index ${index}`);
    params.set(index, view.getBigUint64(at + 8, true));
  }
  return params;
}
