import { bootGuest } from '../../../src/backends/emulated/guests/boot.js';
import { HEAP, TABLES } from '../../../src/backends/emulated/guests/layout.js';
import { Control, createMachine, type Machine, P2m } from '../../../src/backends/emulated/machine.js';
import { Mmu } from '../../../src/backends/emulated/mmu/mmu.js';
import { entryHigh, entryIndex, entryLow, frameOf, PAGE_WORDS, Pte } from '../../../src/backends/emulated/mmu/pte.js';
import { GuestCrash, MissingPage, Walker } from '../../../src/backends/emulated/mmu/walker.js';
import { Ram } from '../../../src/backends/emulated/ram.js';
import { Crash, Reg, registersOf } from '../../../src/backends/emulated/registers.js';

const PAGES = 1024;

async function booted(pagingMode: 'hap' | 'shadow' = 'hap'): Promise<Machine> {
  const ram = new Ram(PAGES * 4096);
  const machine = createMachine(ram.view({ first: 0, pages: PAGES }), { pagingMode, vcpus: 1, maxPages: PAGES });
  await bootGuest(machine, { memoryMB: 4, vcpus: 1, guest: { program: 'idle' }, seed: 1 });
  return machine;
}

const cr3Of = (machine: Machine): number => registersOf(machine.contexts, 0).u32[Reg.CR3];

function thrown(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** Word of the entry for `vpn` at each level, from the leaf up. */
function path(machine: Machine, vpn: number): number[] {
  const walker = new Walker(machine);
  walker.walk(cr3Of(machine), vpn, false);
  return [...walker.entries];
}

test('an entry keeps a frame of up to 40 bits', () => {
  for (const gfn of [0, 1, 0xfffff, 0x100000, 0x12345678, 2 ** 40 - 1])
    expect(frameOf(entryLow(gfn, Pte.PRESENT), entryHigh(gfn))).toBe(gfn);
});

test('each level takes its nine bits of the virtual page number', () => {
  const vpn = (3 << 27) | (5 << 18) | (7 << 9) | 11;
  expect([1, 2, 3, 4].map((level) => entryIndex(2, vpn, level))).toEqual([11, 7, 5, 3].map((i) => 2 * 1024 + i * 2));
});

test('a walk finds the page, and changes nothing', async () => {
  const machine = await booted();
  const before = machine.words.slice();
  const walker = new Walker(machine);
  walker.walk(cr3Of(machine), HEAP + 3, true);
  const [leaf] = walker.entries;
  expect(walker.gfn).toBe(frameOf(machine.words[leaf], machine.words[leaf + 1]));
  expect(machine.p2m[walker.gfn]).toBe(P2m.RAM);
  expect(Buffer.compare(Buffer.from(before.buffer), machine.memory)).toBe(0);
});

test('a read sets accessed bits on every level, a write the dirty bit on the leaf alone', async () => {
  const machine = await booted();
  const mmu = new Mmu(machine, registersOf(machine.contexts, 0), 0);
  const bits = (): number[] => path(machine, HEAP).map((at) => machine.words[at] & (Pte.ACCESSED | Pte.DIRTY));
  mmu.begin();
  mmu.translate(HEAP, false);
  expect(bits()).toEqual([0, 0, 0, 0]);
  mmu.commit();
  expect(bits()).toEqual([Pte.ACCESSED, Pte.ACCESSED, Pte.ACCESSED, Pte.ACCESSED]);
  mmu.begin();
  mmu.translate(HEAP, true);
  mmu.commit();
  expect(bits()).toEqual([Pte.ACCESSED | Pte.DIRTY, Pte.ACCESSED, Pte.ACCESSED, Pte.ACCESSED]);
});

test('an accessed or dirty bit that the walker sets dirties the page that holds the table, once', async () => {
  const machine = await booted();
  Atomics.store(machine.control, Control.LOG_DIRTY, 1);
  const mmu = new Mmu(machine, registersOf(machine.contexts, 0), 0);
  const dirty = (): number[] => [...Array(PAGES).keys()].filter((gfn) => machine.dirty[gfn >> 3] & (1 << (gfn & 7)));
  mmu.begin();
  mmu.translate(HEAP, false);
  mmu.commit();
  const tables = [...new Set(path(machine, HEAP).map((at) => Math.floor(at / PAGE_WORDS)))].sort((a, b) => a - b);
  expect(dirty()).toEqual(tables);
  machine.dirty.fill(0);
  Atomics.add(machine.control, Control.TLB_GENERATION, 1);
  mmu.begin();
  mmu.translate(HEAP, false);
  mmu.commit();
  expect(dirty()).toEqual([]);
});

test.each([
  ['a page that is not mapped', () => undefined, 0x999, false, Crash.PAGE_FAULT],
  [
    'a write where a level forbids it',
    (machine: Machine) => (machine.words[path(machine, HEAP)[1]] &= ~Pte.WRITABLE),
    HEAP,
    true,
    Crash.PAGE_FAULT,
  ],
  [
    'a frame beyond memory',
    (machine: Machine) => (machine.words[path(machine, HEAP)[0]] = entryLow(PAGES, Pte.PRESENT)),
    HEAP,
    false,
    Crash.BAD_FRAME,
  ],
  [
    'a frame that is a hole',
    (machine: Machine) => (machine.words[path(machine, HEAP)[0]] = entryLow(0, Pte.PRESENT)),
    HEAP,
    false,
    Crash.BAD_FRAME,
  ],
])('%s ends the guest', async (_what, damage, vpn, write, reason) => {
  const machine = await booted();
  damage(machine);
  const error = thrown(() => new Walker(machine).walk(cr3Of(machine), vpn, write));
  expect(error).toBeInstanceOf(GuestCrash);
  expect(error).toMatchObject({ reason, vpn });
});

test.each([0, 1, 2, 3])(
  'a table page that is missing at level %d above the page is what the walk waits for',
  async (above) => {
    const machine = await booted();
    const gfn =
      above === 0
        ? Math.floor(path(machine, HEAP)[0] / PAGE_WORDS)
        : Math.floor(path(machine, HEAP)[above] / PAGE_WORDS);
    machine.p2m[gfn] = P2m.PAGED_OUT;
    const error = thrown(() => new Walker(machine).walk(cr3Of(machine), HEAP, false));
    expect(error).toBeInstanceOf(MissingPage);
    expect(error).toMatchObject({ gfn });
  },
);

test('a program that translates after its first change is told so', async () => {
  const machine = await booted();
  const mmu = new Mmu(machine, registersOf(machine.contexts, 0), 0);
  mmu.begin();
  mmu.translate(HEAP, true);
  mmu.commit();
  expect(() => mmu.translate(HEAP + 1, true)).toThrow(/after its first change/);
});

test('the guest sees its own tables at TABLES', async () => {
  const machine = await booted();
  const { u32 } = registersOf(machine.contexts, 0);
  const walker = new Walker(machine);
  walker.walk(u32[Reg.CR3], TABLES + u32[Reg.CR3] - u32[Reg.TABLE_BASE], true);
  expect(walker.gfn).toBe(u32[Reg.CR3]);
});
