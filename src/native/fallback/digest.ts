import { NOT_MAPPED, needAtLeast, needSlots, PAGE_SIZE } from './checks.js';

const DIGEST_SIZE = 16;
const { imul } = Math;

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function finish(h: number): number {
  const once = imul(h ^ (h >>> 16), 0x85ebca6b);
  const twice = imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

/** Each lane scrambles its word with constants of its own... */
function scramble(word: number, before: number, by: number, after: number): number {
  return imul(rotate(imul(word, before), by), after);
}

/** ... and takes in its neighbour's state. */
function stir(state: number, by: number, neighbour: number, add: number): number {
  return (imul(rotate(state, by) + neighbour, 5) + add) | 0;
}

function addUp([a, b, c, d]: number[]): number[] {
  const sum = (a + b + c + d) | 0;
  return [sum, (b + sum) | 0, (c + sum) | 0, (d + sum) | 0];
}

/** MurmurHash3 x86_128 (Austin Appleby's algorithm; seed 0) of a page: 256 whole blocks, so there is no tail. */
function digest(words: Uint32Array): number[] {
  const [c1, c2, c3, c4] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < words.length; i += 4) {
    a = stir(a ^ scramble(words[i], c1, 15, c2), 19, b, 0x561ccd1b);
    b = stir(b ^ scramble(words[i + 1], c2, 16, c3), 17, c, 0x0bcaa747);
    c = stir(c ^ scramble(words[i + 2], c3, 17, c4), 15, d, 0x96cd1c35);
    d = stir(d ^ scramble(words[i + 3], c4, 18, c1), 13, a, 0x32ac3b17);
  }
  const lanes = [a, b, c, d].map((lane) => lane ^ PAGE_SIZE);
  return addUp(addUp(lanes).map(finish));
}

export function digestPages(base: Uint8Array, slots: Uint32Array, out: Uint8Array): void {
  needSlots(slots, base);
  needAtLeast('out', out.length, slots.length * DIGEST_SIZE);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  // A copy of the page, because `base` need not be aligned to words.
  const page = new Uint8Array(PAGE_SIZE);
  const words = new Uint32Array(page.buffer);
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i];
    if (slot === NOT_MAPPED) {
      out.fill(0, i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
      continue;
    }
    page.set(base.subarray(slot * PAGE_SIZE, (slot + 1) * PAGE_SIZE));
    digest(words).forEach((lane, n) => {
      view.setInt32(i * DIGEST_SIZE + 4 * n, lane, true);
    });
  }
}
