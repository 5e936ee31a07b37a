import { PAGE_WORDS } from '../mmu/pte.js';
import { FReg, Reg } from '../registers.js';
import { HEAP } from './layout.js';
import { mix } from './page.js';
import type { Cpu, GuestProgram } from './program.js';
import { configureRegion, PAGE_US, PAGES, type RegionSpec } from './region.js';

/** The workload of the TSMC paper: memtester fills a region with a pattern, reads it back, and goes on to the next pattern. */
export interface MemtesterSpec extends RegionSpec {
  readonly program: 'memtester';
}

const NEXT = Reg.VAR;
const PATTERN = Reg.VAR + 1;
const VERIFYING = Reg.VAR + 2;

/** Word `index` of the region under pattern number `turn`. The kinds follow memtester's tests. */
const KINDS: readonly ((turn: number, index: number) => number)[] = [
  (_turn, index) => index, // stuck address
  (turn, index) => mix(turn ^ Math.imul(index, 0x9e3779b1)), // random value
  (_turn, index) => (index & 1 ? 0x55555555 : 0xaaaaaaaa), // checkerboard
  (_turn, index) => (index & 1 ? 0 : 0xffffffff), // solid bits
  (turn) => 1 << (turn & 31), // walking ones
  (turn) => ~(1 << (turn & 31)), // walking zeroes
  (turn) => Math.imul(turn & 255, 0x01010101), // block sequential
];

export const memtester: GuestProgram<MemtesterSpec> = {
  id: 3,
  configure: configureRegion,
  step(cpu) {
    const { u32 } = cpu;
    const page = u32[NEXT];
    if (u32[VERIFYING] === 1) verify(cpu, page);
    else fill(cpu, page);
    u32[NEXT] = page + 1 < u32[PAGES] ? page + 1 : 0;
    if (u32[NEXT] === 0) turn(u32);
    cpu.takes(cpu.f64[PAGE_US]);
  },
};

function turn(u32: Uint32Array): void {
  u32[PATTERN] += u32[VERIFYING];
  u32[VERIFYING] ^= 1;
}

function fill(cpu: Cpu, page: number): void {
  const { words, u32 } = cpu;
  const at = cpu.write(HEAP + page);
  cpu.commit();
  const pattern = u32[PATTERN];
  const kind = KINDS[pattern % KINDS.length];
  for (let i = 0; i < PAGE_WORDS; i++) words[at + i] = kind(pattern, page * PAGE_WORDS + i);
}

function verify(cpu: Cpu, page: number): void {
  const { words, u32 } = cpu;
  const at = cpu.read(HEAP + page);
  const pattern = u32[PATTERN];
  const kind = KINDS[pattern % KINDS.length];
  for (let i = 0; i < PAGE_WORDS; i++) {
    if (words[at + i] === kind(pattern, page * PAGE_WORDS + i) >>> 0) continue;
    cpu.f64[FReg.CORRUPT]++;
    return;
  }
}
