import { NOT_MAPPED, needAtLeast, needSlots, PAGE_SIZE } from './checks.js';

/** Calls run(first slot, pages) for each run of neighbouring slots, absent pages left out, until it returns false. */
function eachRun(slots: Uint32Array, run: (first: number, length: number) => boolean): void {
  let first = 0;
  let length = 0;
  for (const slot of slots) {
    if (slot === NOT_MAPPED) continue;
    if (length > 0 && slot === first + length) {
      length++;
      continue;
    }
    if (length > 0 && !run(first, length)) return;
    first = slot;
    length = 1;
  }
  if (length > 0) run(first, length);
}

export function runs(slots: Uint32Array, out: Uint32Array): number {
  let count = 0;
  let fits = true;
  eachRun(slots, (first, length) => {
    fits = 2 * count + 1 < out.length;
    if (!fits) return false;
    out[2 * count] = first;
    out[2 * count + 1] = length;
    count++;
    return true;
  });
  return fits ? count : -1;
}

export function gather(base: Uint8Array, slots: Uint32Array, out: Uint8Array): number {
  const present = needSlots(slots, base);
  needAtLeast('out', out.length, present * PAGE_SIZE);
  let to = 0;
  eachRun(slots, (first, length) => {
    out.set(base.subarray(first * PAGE_SIZE, (first + length) * PAGE_SIZE), to);
    to += length * PAGE_SIZE;
    return true;
  });
  return present;
}

export function scatter(source: Uint8Array, base: Uint8Array, slots: Uint32Array): number {
  const present = needSlots(slots, base);
  needAtLeast('source', source.length, present * PAGE_SIZE);
  let from = 0;
  eachRun(slots, (first, length) => {
    base.set(source.subarray(from, from + length * PAGE_SIZE), first * PAGE_SIZE);
    from += length * PAGE_SIZE;
    return true;
  });
  return present;
}
