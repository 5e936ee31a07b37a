import { needAtLeast, needBelow, needInteger } from './checks.js';

export function bytesAt(table: Uint8Array, indices: Uint32Array, out: Uint8Array): void {
  needBelow('indices', indices, table.length);
  needAtLeast('out', out.length, indices.length);
  for (let i = 0; i < indices.length; i++) out[i] = table[indices[i]];
}

export function setBytesAt(table: Uint8Array, indices: Uint32Array, value: number): number {
  needInteger('value', value, 255);
  needBelow('indices', indices, table.length);
  let changed = 0;
  for (const index of indices) {
    if (table[index] !== value) changed++;
    table[index] = value;
  }
  return changed;
}

export function increment(counts: Uint8Array, gfns: Uint32Array): number {
  needBelow('gfns', gfns, counts.length);
  let largest = 0;
  for (const gfn of gfns) {
    if (counts[gfn] < 255) counts[gfn]++;
    largest = Math.max(largest, counts[gfn]);
  }
  return largest;
}
