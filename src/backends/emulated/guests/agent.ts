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

export const AgentOrder = { WRITE: 1, READ: 2, SUM: 3, SCRIBBLE: 4, SETTLE: 5, IGNORE_SUSPEND: 6 } as const;

/** Heap pages of the mailbox, and its words. An order is new if its number follows that of the last one answered. */
export const Mailbox = {
  ORDER_PAGE: 0,
  ANSWER_PAGE: 1,
  LIST_PAGE: 2,
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
/** Pages in the list that it scribbles on, 0 if it does not; and the next one. */
const SCRIBBLING = Reg.VAR + 3;
const NEXT = Reg.VAR + 4;
const POLL_US = 200;

export const agent: GuestProgram<AgentSpec> = {
  id: 7,
  configure() {},
  step(cpu) {
    const { words, u32 } = cpu;
    const order = cpu.read(HEAP + Mailbox.ORDER_PAGE);
    if (Atomics.load(words, order + Mailbox.NUMBER) === (u32[DONE] + 1) >>> 0) obey(cpu, order);
    else if (u32[SCRIBBLING] > 0) scribble(cpu);
    else cpu.idles(POLL_US);
  },
};

function obey(cpu: Cpu, order: number): void {
  const { words, u32 } = cpu;
  const count = words[order + Mailbox.COUNT];
  const kind = words[order + Mailbox.ORDER];
  if (kind === AgentOrder.SCRIBBLE) beginScribbling(cpu, order, count);
  else if (isAccess(kind) && u32[ITEM] < count) item(cpu, order);
  else {
    if (kind === AgentOrder.SETTLE) u32[SCRIBBLING] = 0;
    if (kind === AgentOrder.IGNORE_SUSPEND) u32[Reg.FLAGS] |= GuestFlag.IGNORES_SUSPEND;
    answer(cpu);
  }
}

const isAccess = (kind: number): boolean =>
  kind === AgentOrder.WRITE || kind === AgentOrder.READ || kind === AgentOrder.SUM;

/** The answer's number goes last: from then on the console may write the next order. */
function answer(cpu: Cpu, act?: () => void): void {
  const order = cpu.write(HEAP + Mailbox.ORDER_PAGE);
  const reply = cpu.write(HEAP + Mailbox.ANSWER_PAGE);
  cpu.commit();
  act?.();
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

/** Keeps the list, since other orders may come while it scribbles. */
function beginScribbling(cpu: Cpu, order: number, count: number): void {
  const { words, u32 } = cpu;
  const list = cpu.write(HEAP + Mailbox.LIST_PAGE);
  const from = order + Mailbox.ITEMS;
  u32[SCRIBBLING] = count;
  u32[NEXT] = 0;
  answer(cpu, () => words.copyWithin(list, from, from + count));
}

/** Writes one page of the list, round and round. */
function scribble(cpu: Cpu): void {
  const { words, u32 } = cpu;
  const list = cpu.read(HEAP + Mailbox.LIST_PAGE);
  const vpn = mapped(cpu, words[list + u32[NEXT]]);
  if (vpn === undefined) return;
  const at = cpu.write(vpn);
  cpu.commit();
  u32[NEXT] = (u32[NEXT] + 1) % u32[SCRIBBLING];
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
