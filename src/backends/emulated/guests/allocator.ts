import { FReg, Reg } from '../registers.js';
import { HEAP } from './layout.js';
import { sharePages, usPerPage } from './pacing.js';
import { pageGeneration, writePage } from './page.js';
import type { Cpu, GuestProgram } from './program.js';

/**
 * Allocates a lot, frees all of it, waits, and begins anew. Its allocator's state is in guest memory: a stack of free pages and
 * one of used pages, linked through the pages. Freed pages keep their garbage: nobody but the guest can know that they are free.
 */
export interface AllocatorSpec {
  readonly program: 'allocator';
  /** Allocated at the peak; default: half of the heap. */
  readonly peakMB?: number;
  /** Allocated or freed a second by all vCPUs together; as fast as the machine goes if left out. */
  readonly rateMBps?: number;
  /** Milliseconds of rest once everything is freed; default 1000. */
  readonly restMs?: number;
}

const PEAK = Reg.PARAM;
const FREEING = Reg.VAR;
const CYCLE = Reg.VAR + 1;
const PAGE_US = FReg.PARAM;
const REST_US = FReg.PARAM + 1;

/** The allocator's header, in heap page 0: words. */
const FREE_HEAD = 0;
const USED_HEAD = 1;
const USED_COUNT = 2;
/** Pages from this one on have never been given out. */
const FRESH = 3;
const READY = 4;
const READY_MARK = 0x616c6c6f;
/** A page's link, at its end: past what writePage() is checked by. */
const LINK = 1023;

export const allocator: GuestProgram<AllocatorSpec> = {
  id: 5,
  configure(spec, boot) {
    const half = Math.max(1, Math.floor(boot.u32[Reg.HEAP_PAGES] / 2));
    boot.u32[PEAK] = spec.peakMB === undefined ? half : sharePages(spec.peakMB, boot, 1);
    boot.f64[PAGE_US] = usPerPage(spec.rateMBps, boot);
    boot.f64[REST_US] = (spec.restMs ?? 1000) * 1000;
  },
  step(cpu) {
    const header = cpu.write(HEAP);
    if (cpu.words[header + READY] !== READY_MARK) setUp(cpu, header);
    else if (cpu.u32[FREEING] === 1) free(cpu, header);
    else allocate(cpu, header);
  },
};

/** Page number 0 is the header, so 0 ends a list. */
function setUp(cpu: Cpu, header: number): void {
  cpu.commit();
  cpu.words.fill(0, header, header + 1024);
  cpu.words[header + FRESH] = 1;
  cpu.words[header + READY] = READY_MARK;
}

/** Last in, first out: a freed page is the first to be used again. */
function allocate(cpu: Cpu, header: number): void {
  const { words, u32 } = cpu;
  const recycled = words[header + FREE_HEAD];
  const page = recycled === 0 ? words[header + FRESH] : recycled;
  const at = cpu.write(HEAP + page);
  cpu.commit();
  if (recycled === 0) words[header + FRESH] = page + 1;
  else words[header + FREE_HEAD] = words[at + LINK];
  writePage(words, at, page, u32[CYCLE]);
  words[at + LINK] = words[header + USED_HEAD];
  words[header + USED_HEAD] = page;
  words[header + USED_COUNT]++;
  if (words[header + USED_COUNT] === u32[PEAK]) u32[FREEING] = 1;
  cpu.takes(cpu.f64[PAGE_US]);
}

function free(cpu: Cpu, header: number): void {
  const { words, u32 } = cpu;
  const page = words[header + USED_HEAD];
  const at = cpu.write(HEAP + page);
  cpu.commit();
  if (pageGeneration(words, at, page) !== u32[CYCLE]) cpu.f64[FReg.CORRUPT]++;
  words[header + USED_HEAD] = words[at + LINK];
  words[at + LINK] = words[header + FREE_HEAD];
  words[header + FREE_HEAD] = page;
  words[header + USED_COUNT]--;
  if (words[header + USED_COUNT] > 0) cpu.takes(cpu.f64[PAGE_US]);
  else rest(cpu);
}

function rest(cpu: Cpu): void {
  cpu.u32[FREEING] = 0;
  cpu.u32[CYCLE]++;
  cpu.idles(cpu.f64[REST_US]);
}
