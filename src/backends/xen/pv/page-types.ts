/** Sets of page types, as tables of flags for findBytes(). */
import { MACHINE_FORM } from '../../../native/index.js';
import { PageType } from '../../backend.js';

function flags(...bytes: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of bytes) table[byte] = 1;
  return table;
}

const { L1TAB, L2TAB, L3TAB, L4TAB, PINNED } = PageType;
const PLAIN_TABLES = [L1TAB, L2TAB, L3TAB, L4TAB];
const PINNED_TABLES = PLAIN_TABLES.map((type) => type | PINNED);
const TABLES = [...PLAIN_TABLES, ...PINNED_TABLES];

/** Page tables, whatever their entries name. */
export const ANY_TABLE = flags(...TABLES, ...TABLES.map((type) => type | MACHINE_FORM));
/** Page tables whose entries still name pfns. */
export const STREAM_FORM_TABLE = flags(...TABLES);
/** Page tables whose entries name machine frames, as far as we have made them so. */
export const MACHINE_FORM_TABLE = flags(...TABLES.map((type) => type | MACHINE_FORM));
/** Page tables to be pinned. */
export const PINNED_TABLE = flags(...PINNED_TABLES, ...PINNED_TABLES.map((type) => type | MACHINE_FORM));
/** Holes. */
export const HOLE = flags(PageType.XTAB);

export const TYPE_MASK = 0xf;
const LEVEL_MASK = 0x7;

/** 1–4 for a page table, 0 for anything else. */
export function tableLevel(type: number): number {
  return ANY_TABLE[type] === 1 ? type & LEVEL_MASK : 0;
}
