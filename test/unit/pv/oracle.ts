/** What native/pv-*.cc does, the slow and obvious way. */
import { MACHINE_FORM } from '../../../src/native/index.js';

export const ENTRIES = 512;
export const PAGE = 4096;
/** The addon's errors are of another realm under jest. */
export const OUT_OF_RANGE = expect.objectContaining({ name: 'RangeError' });
export const NONE = 0xffff_ffff_ffff_ffffn;
export const NOT_MAPPED = 0xffffffff;
const EAGAIN = 11;
const E2BIG = 7;
const ENOENT = 2;
const ERANGE = 34;

export interface Tables {
  readonly m2p: BigUint64Array;
  readonly p2m: BigUint64Array;
}

export const mfnOf = ({ p2m }: Tables, pfn: bigint): bigint => (pfn < BigInt(p2m.length) ? p2m[Number(pfn)] : NONE);

export function pfnOf(tables: Tables, mfn: bigint): bigint | undefined {
  if (mfn >= BigInt(tables.m2p.length)) return undefined;
  const pfn = tables.m2p[Number(mfn)];
  return mfnOf(tables, pfn) === mfn ? pfn : undefined;
}

export function levelOf(type: number): number {
  const plain = type & 0xf;
  if (plain >= 1 && plain <= 4) return plain;
  return plain >= 9 && plain <= 12 ? plain - 8 : 0;
}

const FRAME = 0x000f_ffff_ffff_f000n;
const frameOf = (entry: bigint): bigint => (entry & FRAME) >> 12n;
const withFrame = (entry: bigint, frame: bigint): bigint => (entry & ~FRAME) | (frame << 12n);
const isPresent = (entry: bigint): boolean => (entry & 1n) !== 0n;

/** The entries in the form of the stream, or an errno. */
export function normalise(tables: Tables, entries: readonly bigint[], level: number): bigint[] | number {
  const out: bigint[] = [];
  for (const [i, original] of entries.entries()) {
    const entry = level === 4 && i >= 256 && i < 272 ? 0n : original;
    if (!isPresent(entry)) {
      out.push(entry);
      continue;
    }
    if (level > 1 && (entry & 0x80n) !== 0n) return E2BIG;
    const pfn = pfnOf(tables, frameOf(entry));
    if (pfn === undefined) return EAGAIN;
    out.push(withFrame(entry, pfn));
  }
  return out;
}

/** The entries in machine form, or an errno. */
export function localise({ p2m }: Tables, entries: readonly bigint[]): bigint[] | number {
  const pfns = entries.filter(isPresent).map(frameOf);
  if (pfns.some((pfn) => pfn >= BigInt(p2m.length))) return ERANGE;
  if (pfns.some((pfn) => p2m[Number(pfn)] === NONE)) return ENOENT;
  return entries.map((entry) => (isPresent(entry) ? withFrame(entry, p2m[Number(frameOf(entry))]) : entry));
}

export const isMachineForm = (type: number): boolean => (type & MACHINE_FORM) !== 0;
