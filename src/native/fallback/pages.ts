import { testBit } from './bitmap.js';
import { NOT_MAPPED, needAtLeast, needBelow, needSameLength, needSlots, PAGE_SIZE } from './checks.js';
import { carriesNoData, NOTAB, XALLOC } from './types.js';

const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

/** Node compares memory natively and stops at the first difference: far faster than a loop here. */
function isZeroSlot(base: Uint8Array, slot: number): boolean {
  if (slot === NOT_MAPPED) return false;
  return Buffer.compare(base.subarray(slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE), ZERO_PAGE) === 0;
}

export function zeroPages(base: Uint8Array, slots: Uint32Array, flags: Uint8Array): number {
  needSlots(slots, base);
  needAtLeast('flags', flags.length, slots.length);
  let zero = 0;
  for (let i = 0; i < slots.length; i++) {
    flags[i] = isZeroSlot(base, slots[i]) ? 1 : 0;
    zero += flags[i];
  }
  return zero;
}

export function dropDataless(types: Uint8Array, slots: Uint32Array): number {
  needSameLength('types', types.length, 'slots', slots.length);
  let unmapped = 0;
  for (let i = 0; i < types.length; i++) {
    if (carriesNoData(types[i])) slots[i] = NOT_MAPPED;
    else if (slots[i] === NOT_MAPPED) unmapped++;
  }
  return unmapped;
}

export function elideZeroPages(
  base: Uint8Array,
  gfns: Uint32Array,
  sent: Uint8Array,
  types: Uint8Array,
  slots: Uint32Array,
): number {
  needSameLength('gfns', gfns.length, 'types', types.length);
  needSameLength('gfns', gfns.length, 'slots', slots.length);
  needBelow('gfns', gfns, sent.length * 8);
  needSlots(slots, base);
  let elided = 0;
  for (let i = 0; i < gfns.length; i++) {
    if (types[i] !== NOTAB || testBit(sent, gfns[i]) === 1 || !isZeroSlot(base, slots[i])) continue;
    types[i] = XALLOC;
    slots[i] = NOT_MAPPED;
    elided++;
  }
  return elided;
}

export function present(gfns: Uint32Array, slots: Uint32Array, out: Uint32Array): number {
  needSameLength('gfns', gfns.length, 'slots', slots.length);
  let needed = 0;
  for (const slot of slots) if (slot !== NOT_MAPPED) needed++;
  needAtLeast('out', out.length, needed);
  let count = 0;
  for (let i = 0; i < gfns.length; i++) if (slots[i] !== NOT_MAPPED) out[count++] = gfns[i];
  return count;
}
