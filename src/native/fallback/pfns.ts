import { GFN_LIMIT, needAtLeast, needBelow, needInteger, needMultiple, needSameLength } from './checks.js';
import { carriesNoData, isKnown } from './types.js';

const ENTRY_SIZE = 8;
/** In the upper half of an entry: type in bits 31–28, reserved 27–20, bits 51–32 of the gfn in 19–0. */
const TYPE_SHIFT = 28;
const GFN_MASK = 0x000fffff;
const RESERVED_MASK = 0x0ff00000;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function encodePfns(gfns: Uint32Array, types: Uint8Array, out: Uint8Array): void {
  needSameLength('gfns', gfns.length, 'types', types.length);
  needBelow('types', types, 16);
  needAtLeast('out', out.length, gfns.length * ENTRY_SIZE);
  const view = viewOf(out);
  for (let i = 0; i < gfns.length; i++) {
    view.setUint32(i * ENTRY_SIZE, gfns[i], true);
    view.setUint32(i * ENTRY_SIZE + 4, types[i] << TYPE_SHIFT, true);
  }
}

export function decodePfns(entries: Uint8Array, limit: number, gfns: Uint32Array, types: Uint8Array): number {
  needInteger('limit', limit, GFN_LIMIT);
  needMultiple('entries', entries.length, ENTRY_SIZE);
  const count = entries.length / ENTRY_SIZE;
  needAtLeast('gfns', gfns.length, count);
  needAtLeast('types', types.length, count);
  const view = viewOf(entries);
  let withData = 0;
  for (let i = 0; i < count; i++) {
    const upper = view.getUint32(i * ENTRY_SIZE + 4, true);
    const gfn = (upper & GFN_MASK) * 2 ** 32 + view.getUint32(i * ENTRY_SIZE, true);
    const type = upper >>> TYPE_SHIFT;
    if ((upper & RESERVED_MASK) !== 0 || !isKnown(type) || gfn >= limit) return -1 - i;
    gfns[i] = gfn;
    types[i] = type;
    if (!carriesNoData(type)) withData++;
  }
  return withData;
}
