import { PAGE_WORDS } from '../mmu/pte.js';

/** A page that a guest wrote whole: four words of header, then words that follow from them. */
const MAGIC = 0x50_47_4e_21;
const HEADER_WORDS = 4;

/** Mixes 32 bits (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Writes the page at word `at`: its owner's `tag` and `generation`, and pseudo-random content that follows from both. */
export function writePage(words: Uint32Array, at: number, tag: number, generation: number): void {
  words[at] = MAGIC;
  words[at + 1] = tag;
  words[at + 2] = generation;
  words[at + 3] = headerCheck(tag, generation);
  let x = words[at + 3] | 1;
  for (let i = at + HEADER_WORDS; i < at + PAGE_WORDS; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
}

/** The generation that writePage() left here with this tag, or -1 if the header or the first content is not of its making. */
export function pageGeneration(words: Uint32Array, at: number, tag: number): number {
  const generation = words[at + 2];
  const check = headerCheck(tag, generation);
  if (words[at] !== MAGIC || words[at + 1] !== tag || words[at + 3] !== check) return -1;
  let x = check | 1;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return words[at + HEADER_WORDS] === x >>> 0 ? generation : -1;
}

const headerCheck = (tag: number, generation: number): number => mix(tag ^ Math.imul(generation + 1, 0x9e3779b1));
