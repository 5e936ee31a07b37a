/** Page types of migration stream v2 (docs/specs/libxc-migration-stream.pandoc), bits 63–60 of a PAGE_DATA entry. */
const L4TAB = 0x4;
const PINNED_L1TAB = 0x9;
const BROKEN = 0xd;
export const NOTAB = 0x0;
export const XALLOC = 0xe;
const XTAB = 0xf;

export function carriesNoData(type: number): boolean {
  return type >= BROKEN && type <= XTAB;
}

/** 5 to 7 are not assigned, and 8 would be a pinned page that is no page table. */
export function isKnown(type: number): boolean {
  return type <= L4TAB || (type >= PINNED_L1TAB && type <= XTAB);
}
