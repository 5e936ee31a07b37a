/** Sets of the types of page tables, and what becomes of types when pages are given. */
import { MACHINE_FORM } from '../../../native/index.js';
import { PageType } from '../../backend.js';
import { typeSet } from '../type-sets.js';

const { L1TAB, L2TAB, L3TAB, L4TAB, PINNED } = PageType;
const PLAIN_TABLES = [L1TAB, L2TAB, L3TAB, L4TAB];
const PINNED_TABLES = PLAIN_TABLES.map((type) => type | PINNED);
const TABLES = [...PLAIN_TABLES, ...PINNED_TABLES];

/** Page tables, whatever their entries name. */
export const ANY_TABLE = typeSet(...TABLES, ...TABLES.map((type) => type | MACHINE_FORM));
/** Page tables whose entries still name pfns. */
export const STREAM_FORM_TABLE = typeSet(...TABLES);
/** Page tables whose entries name machine frames, as far as we have made them so. */
export const MACHINE_FORM_TABLE = typeSet(...TABLES.map((type) => type | MACHINE_FORM));
/** Page tables to be pinned. */
export const PINNED_TABLE = typeSet(...PINNED_TABLES, ...PINNED_TABLES.map((type) => type | MACHINE_FORM));

const { NOTAB, BROKEN, XALLOC, XTAB } = PageType;
const SAME = Uint8Array.from({ length: 256 }, (_, type) => type);
/** What a stream's types are once the pages are there. A broken page is none: it has not been given one. */
export const POPULATED = SAME.with(XALLOC, NOTAB).with(BROKEN, XTAB);
/** What types are once all pages are there. */
export const NO_HOLE = SAME.with(XTAB, NOTAB);

export const TYPE_MASK = 0xf;
const LEVEL_MASK = 0x7;

/** 1–4 for a page table, 0 for anything else. */
export function tableLevel(type: number): number {
  return ANY_TABLE[type] === 1 ? type & LEVEL_MASK : 0;
}
