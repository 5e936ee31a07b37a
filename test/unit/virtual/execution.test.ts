import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { PAGE_SIZE } from '../../../src/backends/backend.js';
import { bootGuest, type GuestBuild } from '../../../src/backends/emulated/guests/boot.js';
import {
  Control,
  Counter,
  createMachine,
  flushTranslations,
  type Machine,
  P2m,
} from '../../../src/backends/emulated/machine.js';
import { Reg, registersOf } from '../../../src/backends/emulated/registers.js';
import { DeadlockError, VirtualClock } from '../../../src/backends/emulated/virtual/clock.js';
import { type CostModel, costModel, FREE } from '../../../src/backends/emulated/virtual/costs.js';
import { VirtualExecutionFactory } from '../../../src/backends/emulated/virtual/execution.js';

const MEMORY_MB = 2;
const HOT_SET: GuestBuild['guest'] = { program: 'hot-set', hotMB: 1, rateMBps: 100 };

async function boot(build: Partial<GuestBuild>, pagingMode: Machine['pagingMode'] = 'hap'): Promise<Machine> {
  const spec = {
    memoryMB: MEMORY_MB,
    vcpus: 1,
    guest: HOT_SET,
    seed: 7,
    content: { kind: 'random' as const },
    ...build,
  };
  const maxPages = (MEMORY_MB * 1024 * 1024) / PAGE_SIZE;
  const memory = new Uint8Array(new SharedArrayBuffer(maxPages * PAGE_SIZE));
  const machine = createMachine(memory, { pagingMode, vcpus: spec.vcpus, maxPages });
  await bootGuest(machine, spec);
  return machine;
}

function drive(machine: Machine, costs: CostModel = FREE) {
  const clock = new VirtualClock();
  const faults: string[] = [];
  const failures: string[] = [];
  const execution = new VirtualExecutionFactory(clock, costs).start(
    machine,
    (vcpu, gfn) => void faults.push(`vCPU ${vcpu} gfn ${gfn} at ${clock.ns}`),
    (vcpu, error) => void failures.push(`vCPU ${vcpu}: ${error.message} at ${clock.ns}`),
  );
  return { clock, execution, faults, failures };
}

function digest(machine: Machine): string {
  return createHash('sha256').update(machine.memory).update(machine.contexts).digest('hex');
}

function switchLogDirty(machine: Machine, on: number): void {
  machine.control[Control.LOG_DIRTY] = on;
  machine.dirty.fill(0);
  flushTranslations(machine);
}

/** Steps of one page each at 100 MiB/s. */
const PAGE_NS = Math.round((PAGE_SIZE / (100 * 1024 * 1024)) * 1e9);

test('a paced guest executes the steps that begin before now, and none while it is held', async () => {
  const { clock, execution } = drive(await boot({}));
  await clock.run(clock.sleep(5));
  expect(execution.times[0].steps).toBe(0);
  execution.release();
  await clock.run(clock.sleepNs(10 * PAGE_NS));
  expect(execution.times[0].steps).toBe(10);
  await clock.run(clock.sleepNs(1));
  expect(execution.times[0].steps).toBe(11);
  await execution.hold();
  await clock.run(clock.sleep(5));
  await execution.hold();
  await clock.run(clock.sleep(5));
  execution.release();
  await clock.run(clock.sleep(5));
  expect(execution.times[0].steps).toBe(11);
  // What was left of the eleventh step is still to be done.
  execution.release();
  await clock.run(clock.sleepNs(PAGE_NS - 1));
  expect(execution.times[0].steps).toBe(11);
  await clock.run(clock.sleepNs(1 + 1));
  expect(execution.times[0].steps).toBe(12);
});

test('a guest without pacing runs at the cost of its steps', async () => {
  const guest = { program: 'hot-set', hotMB: 1 } as const;
  const { clock, execution } = drive(await boot({ guest }), { ...FREE, guestStep: 3, guestPage: 0.5 });
  execution.release();
  await clock.run(clock.sleepNs(35_000));
  expect(execution.times[0]).toEqual({ steps: 10, workUs: 35, faultUs: 0, idleUs: 0 });
});

test('an idle guest ticks without events', async () => {
  const { clock, execution } = drive(await boot({ guest: { program: 'idle', tickMs: 10 } }));
  execution.release();
  await clock.run(clock.sleep(1000));
  expect(execution.times[0]).toMatchObject({ steps: 100, workUs: 0, idleUs: 1_000_000 });
  expect(clock.pending).toBe(0);
  // Nor does it keep a run alive that nothing else can end.
  await expect(clock.run(new Promise(() => {}))).rejects.toThrow(DeadlockError);
});

test('property: the guest does not depend on how time is divided, nor on when it is held', async () => {
  const guests: GuestBuild['guest'][] = [
    HOT_SET,
    { program: 'zipf', rateMBps: 300 },
    { program: 'churner', rateMBps: 80 },
    { program: 'memtester', regionMB: 1, rateMBps: 150 },
    { program: 'allocator' },
  ];
  const total = 3_000_000;
  const stop = fc.record({ at: fc.integer({ min: 1, max: total - 1 }), held: fc.integer({ min: 0, max: 50_000 }) });
  const final = async (
    guest: GuestBuild['guest'],
    mode: Machine['pagingMode'],
    stops: { at: number; held: number }[],
  ) => {
    const machine = await boot({ guest, vcpus: 2 }, mode);
    switchLogDirty(machine, 1);
    const { clock, execution } = drive(machine, costModel());
    execution.release();
    let done = 0;
    for (const { at, held } of [...stops, { at: total, held: 0 }].sort((a, b) => a.at - b.at)) {
      await clock.run(clock.sleepNs(at - done));
      done = at;
      if (held === 0) continue;
      await execution.hold();
      await clock.run(clock.sleepNs(held));
      execution.release();
    }
    return {
      digest: digest(machine),
      times: execution.times,
      dirty: createHash('sha256').update(machine.dirty).digest('hex'),
    };
  };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...guests),
      fc.constantFrom('hap' as const, 'shadow' as const),
      fc.array(stop, { minLength: 1, maxLength: 6 }),
      async (guest, mode, stops) => {
        const whole = await final(guest, mode, []);
        expect(whole.times[0].steps).toBeGreaterThan(10);
        expect(await final(guest, mode, stops)).toEqual(whole);
      },
    ),
    { numRuns: 20 },
  );
});

test('a vCPU that meets a missing page makes an event at that instant and sleeps; the other runs on', async () => {
  const machine = await boot({ vcpus: 2, guest: { ...HOT_SET, rateMBps: 200 } });
  const { clock, execution, faults } = drive(machine, { ...FREE, wake: 2 });
  execution.release();
  // vCPU 1's tables are all read in the first step, so what is missing afterwards is the page of the eleventh.
  await clock.run(clock.sleepNs(1));
  const unharmed = digest(machine);
  const pages = [...machine.p2m.keys()].filter((gfn) => machine.p2m[gfn] === P2m.RAM);
  const halves = pages.filter((gfn) => gfn >= Math.floor((machine.maxPages - 3) / 2) + 1);
  const heap = halves.slice(registersOf(machine.contexts, 1).u32[Reg.TABLE_PAGES]);
  const missing = heap[10];
  machine.p2m[missing] = P2m.PAGED_OUT;
  flushTranslations(machine);
  await clock.run(clock.sleepNs(20 * PAGE_NS - 1));
  expect(faults).toEqual([`vCPU 1 gfn ${missing} at ${10 * PAGE_NS}`]);
  expect(machine.p2m[missing]).toBe(P2m.PAGING_IN);
  expect(execution.times.map(({ steps }) => steps)).toEqual([20, 10]);
  expect(digest(machine)).not.toBe(unharmed);

  execution.loaded(Uint32Array.of(missing + 1));
  await clock.run(clock.sleepNs(PAGE_NS));
  expect(execution.times[1].steps).toBe(10);
  machine.p2m[missing] = P2m.RAM;
  execution.loaded(Uint32Array.of(missing - 1, missing));
  await clock.run(clock.sleepNs(2000 + 1));
  expect(execution.times[1].steps).toBe(11);
  expect(machine.counters[Counter.STRIDE + Counter.BLOCKED_US]).toBeCloseTo((11 * PAGE_NS) / 1000, 9);
  expect(faults).toHaveLength(1);
});

test('a fault ends up with the same memory as a run without one', async () => {
  const run = async (miss: boolean): Promise<string> => {
    const machine = await boot({});
    const { clock, execution, faults } = drive(machine);
    execution.release();
    if (miss) {
      machine.p2m.forEach((state, gfn) => {
        if (state === P2m.RAM) machine.p2m[gfn] = P2m.PAGED_OUT;
      });
    }
    while (execution.times[0].steps < 300) {
      await clock.run(clock.sleepNs(PAGE_NS));
      const gfn = Number(faults.at(-1)?.split(' ')[3] ?? -1);
      if (gfn < 0 || machine.p2m[gfn] !== P2m.PAGING_IN) continue;
      machine.p2m[gfn] = P2m.RAM;
      execution.loaded(Uint32Array.of(gfn));
    }
    if (miss) expect(faults.length).toBeGreaterThan(200);
    return digest(machine);
  };
  expect(await run(true)).toBe(await run(false));
});

test('a page that comes while the vCPU is held wakes it after the release', async () => {
  const machine = await boot({});
  const { clock, execution, faults } = drive(machine, { ...FREE, wake: 2 });
  machine.p2m.fill(P2m.PAGED_OUT);
  execution.release();
  await clock.run(clock.sleepNs(100));
  const [fault] = faults;
  expect(fault).toMatch(/at 0$/);
  machine.p2m.fill(P2m.RAM);
  await execution.hold();
  execution.loaded(Uint32Array.of(Number(fault.split(' ')[3])));
  await clock.run(clock.sleep(1));
  expect(execution.times[0].steps).toBe(0);
  execution.release();
  await clock.run(clock.sleepNs(2000));
  expect(execution.times[0].steps).toBe(0);
  await clock.run(clock.sleepNs(1));
  expect(execution.times[0].steps).toBe(1);
});

test.each([
  ['hap' as const, { ...FREE, logDirtyFault: 10 }, 10],
  ['shadow' as const, { ...FREE, shadowBuild: 7 }, 7],
])('log-dirty slows a guest down by what its faults cost (%s)', async (mode, costs, cost) => {
  const machine = await boot({}, mode);
  const { clock, execution } = drive(machine, costs);
  execution.release();
  // Past the first round of its 256 pages, so that everything is mapped.
  await clock.run(clock.sleepNs(1000 * PAGE_NS));
  await execution.hold();
  const before = execution.times[0];
  switchLogDirty(machine, 1);
  execution.release();
  await clock.run(clock.sleepNs(100 * PAGE_NS));
  const { steps, workUs, faultUs } = execution.times[0];
  const marked = machine.counters[Counter.DIRTIED];
  const steppedUs = workUs - before.workUs;
  expect(steps - before.steps).toBeLessThan(100);
  expect(marked).toBeGreaterThanOrEqual(steps - before.steps);
  expect(faultUs - before.faultUs).toBe((mode === 'hap' ? marked : steps - before.steps) * cost);
  expect(steppedUs + faultUs - before.faultUs).toBeCloseTo((100 * PAGE_NS) / 1000, -2);
});

test('work takes what the model says, and nothing where it says nothing', async () => {
  const { clock, execution } = drive(await boot({}), costModel({ wake: 0 }));
  await clock.run(execution.spend('evict-page', 512 * 1024));
  expect(clock.now()).toBeCloseTo(8500, 6);
  await clock.run(execution.spend('clean', 1_044_480));
  expect(clock.now()).toBeCloseTo(8501.02, 6);
  const free = drive(await boot({}));
  await free.execution.spend('load-page', 1000);
  expect(free.clock.pending).toBe(0);
});

test('an offline vCPU begins when it has been given registers', async () => {
  const machine = await boot({});
  const { clock, execution } = drive(machine);
  const registers = registersOf(machine.contexts, 0);
  const program = registers.u32[Reg.PROGRAM];
  registers.u32[Reg.PROGRAM] = 0;
  execution.release();
  await clock.run(clock.sleep(1));
  expect(execution.times[0].steps).toBe(0);
  await execution.hold();
  registers.u32[Reg.PROGRAM] = program;
  execution.release();
  await clock.run(clock.sleepNs(10 * PAGE_NS));
  expect(execution.times[0].steps).toBe(10);
});

test('a step that throws is reported once, and the vCPU runs no more', async () => {
  const machine = await boot({});
  const failing = { ...machine, contexts: machine.contexts, p2m: new Uint8Array(0) };
  Object.defineProperty(failing, 'p2m', {
    get: () => {
      throw new Error('no p2m');
    },
  });
  const { clock, execution, failures } = drive(failing);
  execution.release();
  await clock.run(clock.sleep(1));
  await execution.hold();
  execution.release();
  await clock.run(clock.sleep(1));
  expect(failures).toEqual(['vCPU 0: no p2m at 0']);
});

test('release() needs a hold(); close() ends it all', async () => {
  const { clock, execution } = drive(await boot({}));
  execution.release();
  expect(() => execution.release()).toThrow('release() without hold()');
  await clock.run(clock.sleepNs(3 * PAGE_NS));
  await execution.close();
  await execution.close();
  await clock.run(clock.sleep(1));
  expect(execution.times[0].steps).toBe(3);
});

test('a deadlock names the vCPU and the page that it waits for', async () => {
  const machine = await boot({});
  const { clock, execution, faults } = drive(machine);
  machine.p2m.fill(P2m.PAGED_OUT);
  execution.release();
  const failure = await clock.run(new Promise(() => {})).catch((error: unknown) => String(error));
  expect(failure).toContain(`vCPU 0 for gfn ${faults[0].split(' ')[3]}`);
});
