import { type Content, type ContentSpec, contentOf, fillContents, initialState } from '../contents.js';
import { type Machine, P2m } from '../machine.js';
import { Reg, registersOf } from '../registers.js';
import { configure, type GuestSpec } from './index.js';
import { HEAP, TABLES, WINDOW, WINDOW_PAGES } from './layout.js';
import { mix } from './page.js';
import { PageTables } from './page-tables.js';

/** A guest as it is when it starts: everything that its memory and registers follow from. */
export interface GuestBuild {
  readonly memoryMB: number;
  readonly vcpus: number;
  readonly guest: GuestSpec;
  /** 32 bits; the same seed gives the same guest. */
  readonly seed: number;
  readonly content?: ContentSpec;
}

/** gfns of the pages that toolstack and guest share, at the top of memory as on Xen. */
export interface SpecialPages {
  readonly store: number;
  readonly console: number;
}

export const specialPages = (maxPages: number): SpecialPages => ({ store: maxPages - 1, console: maxPages - 2 });

/** gfn 0 stays a hole; the rest below the special pages is shared out evenly. */
const FIRST_GFN = 1;
const SPECIAL_PAGES = 2;
const MIN_PARTITION = 64;

/** Builds the guest in an empty machine. Throws RangeError if the memory is too small. */
export async function bootGuest(machine: Machine, build: GuestBuild): Promise<void> {
  const { store, console } = specialPages(machine.maxPages);
  machine.p2m[store] = P2m.RAM;
  machine.p2m[console] = P2m.RAM;
  const size = Math.floor((machine.maxPages - FIRST_GFN - SPECIAL_PAGES) / machine.vcpus);
  if (size < MIN_PARTITION)
    throw new RangeError(`${machine.vcpus} vCPUs need more memory than ${machine.maxPages} pages`);
  const content = contentOf(build.content);
  for (let vcpu = 0; vcpu < machine.vcpus; vcpu++)
    await bootVcpu(machine, build, content, vcpu, FIRST_GFN + vcpu * size, size);
}

/** A vCPU's partition: its page tables first, then its data pages. */
async function bootVcpu(
  machine: Machine,
  build: GuestBuild,
  content: Content,
  vcpu: number,
  first: number,
  pages: number,
): Promise<void> {
  const pool = PageTables.poolFor(pages);
  const data = first + pool;
  const seed = mix(build.seed + vcpu);
  machine.p2m.fill(P2m.RAM, first, data);
  for (let gfn = data; gfn < first + pages; gfn++) machine.p2m[gfn] = initialState(content, seed, gfn - data);
  await fillContents(machine, content, seed, data, first + pages);

  const tables = new PageTables(machine, first, pool);
  let heap = 0;
  for (let gfn = data; gfn < first + pages; gfn++) if (machine.p2m[gfn] === P2m.RAM) tables.map(HEAP + heap++, gfn);
  for (let i = 0; i < pool; i++) tables.map(TABLES + i, first + i);
  const window = tables.tableOf(WINDOW);

  const { u32, f64 } = registersOf(machine.contexts, vcpu);
  u32[Reg.CR3] = tables.root;
  u32[Reg.HEAP_PAGES] = heap;
  u32[Reg.TABLE_PAGES] = pool;
  u32[Reg.TABLE_BASE] = first;
  u32[Reg.WINDOW_PAGES] = WINDOW_PAGES;
  u32[Reg.WINDOW_TABLE] = window;
  u32[Reg.SPARE_TABLE] = tables.newTable();
  for (let i = 0; i < 4; i++) u32[Reg.RNG + i] = mix(seed + 0x51ed + i) | 1;
  configure(build.guest, { u32, f64, vcpus: machine.vcpus });
}
