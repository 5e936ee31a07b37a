import fc from 'fast-check';
import { MACHINE_FORM } from '../../../src/native/index.js';
import { ENTRIES, NONE, PAGE, type Tables } from './oracle.js';

export const NR_MFNS = 40;
export const NR_PFNS = 24;

const mfn = fc.oneof({ weight: 8, arbitrary: fc.nat(NR_MFNS + 1) }, { weight: 1, arbitrary: fc.constant(-1) });

/** Frame tables that mostly agree, as those of a domain that is changing them do. */
export const tables: fc.Arbitrary<Tables> = fc
  .tuple(
    fc.array(mfn, { minLength: NR_PFNS, maxLength: NR_PFNS }),
    fc.array(fc.tuple(fc.nat(NR_MFNS - 1), fc.bigInt(0n, NONE)), { maxLength: 4 }),
  )
  .map(([frames, lies]) => {
    const p2m = BigUint64Array.from(frames, (frame) => (frame < 0 ? NONE : BigInt(frame)));
    const m2p = new BigUint64Array(NR_MFNS).fill(NONE);
    frames.forEach((frame, pfn) => {
      if (frame >= 0 && frame < NR_MFNS) m2p[frame] = BigInt(pfn);
    });
    for (const [frame, pfn] of lies) m2p[frame] = pfn;
    return { m2p, p2m };
  });

const flags = fc.constantFrom(0x7n, 0x1n, 0x3n, 0x8000_0000_0000_0001n, 0x81n, 0x6n, 0n);
const entry = (nrFrames: number): fc.Arbitrary<bigint> =>
  fc.tuple(flags, fc.nat(nrFrames)).map(([bits, frame]) => bits | (BigInt(frame) << 12n));

/** A page of entries, most of them empty, that name frames up to `nrFrames`. */
export const page = (nrFrames: number): fc.Arbitrary<bigint[]> =>
  fc.array(fc.tuple(fc.nat(ENTRIES - 1), entry(nrFrames)), { maxLength: 6 }).map((some) => {
    const entries = Array<bigint>(ENTRIES).fill(0n);
    for (const [i, value] of some) entries[i] = value;
    return entries;
  });

export const type: fc.Arbitrary<number> = fc
  .tuple(fc.nat(15), fc.constantFrom(0, 0, MACHINE_FORM))
  .map(([plain, form]) => plain | form);

/** Memory of so many pages, page i holding pages[i]. */
export function memoryOf(pages: readonly (readonly bigint[])[], spare = 0): Uint8Array {
  const words = new BigUint64Array(ENTRIES * (pages.length + spare));
  pages.forEach((entries, i) => {
    words.set(entries, i * ENTRIES);
  });
  return new Uint8Array(words.buffer);
}

export function pageAt(memory: Uint8Array, slot: number): bigint[] {
  return [...new BigUint64Array(memory.buffer, memory.byteOffset + slot * PAGE, ENTRIES)];
}
