/**
 * Checks of arguments, in the order and with the messages of native/args.cc. Every function checks all of its arguments
 * before it writes a byte.
 */

export const PAGE_SIZE = 4096;
export const NOT_MAPPED = 0xffffffff;
/** gfns are 32 bits wide, so this many there are. */
export const GFN_LIMIT = 2 ** 32;

export function needInteger(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(`${name} must be an integer from 0 to ${max}`);
}

export function needAtLeast(name: string, size: number, needed: number): void {
  if (size < needed) throw new RangeError(`${name} has ${size} elements, needs ${needed}`);
}

export function needSameLength(a: string, sizeA: number, b: string, sizeB: number): void {
  if (sizeA !== sizeB) throw new RangeError(`${a} and ${b} differ in length`);
}

export function needMultiple(name: string, size: number, of: number): void {
  if (size % of !== 0) throw new RangeError(`${name} has ${size} elements, needs a multiple of ${of}`);
}

export function needBelow(name: string, values: Uint8Array | Uint32Array, limit: number): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] >= limit) throw new RangeError(`${name}[${i}] is not below ${limit}`);
  }
}

/** Each slot lies within base or is NOT_MAPPED. Returns how many do. */
export function needSlots(slots: Uint32Array, base: Uint8Array): number {
  const limit = Math.floor(base.length / PAGE_SIZE);
  let present = 0;
  for (let i = 0; i < slots.length; i++) {
    if (slots[i] === NOT_MAPPED) continue;
    if (slots[i] >= limit) throw new RangeError(`slots[${i}] is not below ${limit}`);
    present++;
  }
  return present;
}
