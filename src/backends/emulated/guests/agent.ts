import { frameOf, PAGE_WORDS, Pte } from '../mmu/pte.js';
import { GuestFlag, Reg } from '../registers.js';
import { HEAP, WINDOW, WINDOW_PAGES } from './layout.js';
import type { Cpu, GuestProgram } from './program.js';
import { setEntry, slotEntry, tableVpn } from './window.js';

/**
 * Takes orders from a console (agent-console.ts), one at a time, and carries them out by the vCPU's own accesses: for tests that
 * must say what a guest writes. It maps the pages it is told of in its window, as a kernel's kmap() does.
 */
export interface AgentSpec {
  readonly program: 'agent';
}

export const AgentOrder = { WRITE: 1, READ: 2, SUM: 3, SCRIBBLE: 4, SETTLE: 5, IGNORE_SUSPEND: 6, FORGET: 7 } as const;

/** Heap pages of the mailbox, and its words. An order is new if its number follows that of the last one answered. */
export const Mailbox = {
  ORDER_PAGE: 0,
  ANSWER_PAGE: 1,
  NUMBER: 0,
  ORDER: 1,
  VALUE: 2,
  COUNT: 3,
  ITEMS: 4,
  /** Written by the guest when it is done, so that a page the console wrote from outside becomes dirty. */
  SEEN: 1023,
  MAX_ITEMS: 1000,
} as const;

const DONE = Reg.VAR;
const ITEM = Reg.VAR + 1;
const SCRIBBLED = Reg.VAR + 2;
const POLL_US = 200;

export const agent: GuestProgram<AgentSpec> = {
  id: 7,
  configure() {},
  step(cpu) {
    const { words, u32 } = cpu;
    const order = cpu.read(HEAP + Mailbox.ORDER_PAGE);
    const fresh = Atomics.load(words, order + Mailbox.NUMBER) === (u32[DONE] + 1) >>> 0;
    if (!fresh && words[order + Mailbox.ORDER] !== AgentOrder.SCRIBBLE) return cpu.idles(POLL_US);
    if (words[order + Mailbox.ORDER] === AgentOrder.SCRIBBLE) return scribble(cpu, order, fresh);
    if (u32[ITEM] < words[order + Mailbox.COUNT]) return item(cpu, order);
    if (words[order + Mailbox.ORDER] === AgentOrder.IGNORE_SUSPEND) u32[Reg.FLAGS] |= GuestFlag.IGNORES_SUSPEND;
    answer(cpu);
  },
};

function answer(cpu: Cpu): void {
  const order = cpu.write(HEAP + Mailbox.ORDER_PAGE);
  const reply = cpu.write(HEAP + Mailbox.ANSWER_PAGE);
  cpu.commit();
  cpu.u32[DONE]++;
  cpu.u32[ITEM] = 0;
  cpu.words[order + Mailbox.SEEN] = cpu.u32[DONE];
  Atomics.store(cpu.words, reply + Mailbox.NUMBER, cpu.u32[DONE]);
}

/** One page of the order; two steps if it must be mapped first. */
function item(cpu: Cpu, order: number): void {
  const { words, u32 } = cpu;
  const index = u32[ITEM];
  const kind = words[order + Mailbox.ORDER];
  const vpn = mapped(cpu, words[order + Mailbox.ITEMS + index]);
  if (vpn === undefined) return;
  const value = words[order + Mailbox.VALUE];
  const at = kind === AgentOrder.WRITE ? cpu.write(vpn) : cpu.read(vpn);
  const reply = kind === AgentOrder.WRITE ? -1 : cpu.write(HEAP + Mailbox.ANSWER_PAGE);
  cpu.commit();
  u32[ITEM] = index + 1;
  if (kind === AgentOrder.WRITE) words[at] = value;
  else words[reply + Mailbox.ITEMS + index] = kind === AgentOrder.SUM ? sum(words, at) : words[at];
}

/** Writes one page of the order, round and round; the order counts as answered after its first page. */
function scribble(cpu: Cpu, order: number, fresh: boolean): void {
  const { words, u32 } = cpu;
  const count = words[order + Mailbox.COUNT];
  if (count === 0) return answer(cpu);
  if (fresh && u32[ITEM] > 0) return answer(cpu);
  const vpn = mapped(cpu, words[order + Mailbox.ITEMS + (u32[ITEM] % count)]);
  if (vpn === undefined) return;
  const at = cpu.write(vpn);
  cpu.commit();
  u32[ITEM] = fresh ? 1 : (u32[ITEM] + 1) % count;
  words[at] = ++u32[SCRIBBLED];
}

/** The page of the window that shows `gfn`; undefined if this step had to map it. */
function mapped(cpu: Cpu, gfn: number): number | undefined {
  const table = tableVpn(cpu, cpu.u32[Reg.WINDOW_TABLE]);
  const slot = gfn % WINDOW_PAGES;
  const known = slotEntry(cpu.read(table), slot);
  const { words } = cpu;
  if ((words[known] & Pte.PRESENT) !== 0 && frameOf(words[known], words[known + 1]) === gfn) return WINDOW + slot;
  const entry = slotEntry(cpu.write(table), slot);
  cpu.commit();
  setEntry(cpu, entry, gfn);
  cpu.invalidate(WINDOW + slot);
  return undefined;
}

function sum(words: Uint32Array, at: number): number {
  let total = 0;
  for (let i = at; i < at + PAGE_WORDS; i++) total = (total + words[i]) >>> 0;
  return total;
}
