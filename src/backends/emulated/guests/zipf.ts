import { PAGE_WORDS } from '../mmu/pte.js';
import { FReg, Reg } from '../registers.js';
import { HEAP } from './layout.js';
import { mix } from './page.js';
import type { GuestProgram } from './program.js';
import { configureRegion, PAGE_US, PAGES, type RegionSpec } from './region.js';

/** Writes a few words to random pages, some far more often than others: page number r of the ranking is drawn about as often as 1/r. */
export interface ZipfSpec extends RegionSpec {
  readonly program: 'zipf';
}

/** Pages that have been set up; until all are, a step sets up one. */
const READY = Reg.VAR;
/** A prime above any region's size in practice, so that rank × prime visits every page. */
const STRIDE = 1_000_003;
const WORDS_WRITTEN = 16;

export const zipf: GuestProgram<ZipfSpec> = {
  id: 4,
  configure: configureRegion,
  step(cpu) {
    const { u32, words } = cpu;
    const fresh = u32[READY] < u32[PAGES];
    const page = fresh ? u32[READY]++ : (rank(cpu.random(), cpu.random(), u32[PAGES]) * STRIDE) % u32[PAGES];
    const value = cpu.random();
    const at = cpu.write(HEAP + page);
    cpu.commit();
    const count = fresh ? 0 : words[at] + 1;
    if (!fresh && words[at + 1] !== mix(words[at] ^ Math.imul(page + 1, 0x9e3779b1))) cpu.f64[FReg.CORRUPT]++;
    words[at] = count;
    words[at + 1] = mix(words[at] ^ Math.imul(page + 1, 0x9e3779b1));
    const from = at + 2 + (value % (PAGE_WORDS - 2 - WORDS_WRITTEN));
    for (let i = 0; i < WORDS_WRITTEN; i++) words[from + i] = value + i;
    cpu.takes(cpu.f64[PAGE_US]);
  },
};

/**
 * A rank below `count`, its logarithm evenly spread: first an octave, then a place in it. Integers only, since
 * Math.pow() may differ in its last bit between the versions of Node on two hosts.
 */
function rank(octave: number, place: number, count: number): number {
  const octaves = 32 - Math.clz32(count);
  const low = 2 ** (octave % octaves);
  return Math.min(low - 1 + (place % low), count - 1);
}
