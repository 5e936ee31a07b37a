import fc from 'fast-check';
import { DeadlockError, type Mover, VirtualClock } from '../../../src/backends/emulated/virtual/clock.js';

/** Moves every `step` ns from 0 on and notes when. */
class Ticker implements Mover {
  next = 0;
  readonly moves: number[] = [];
  constructor(private readonly step: number) {}
  move(until: number): void {
    do {
      this.moves.push(this.next);
      this.next += this.step;
    } while (this.next < until);
  }
}

test('time jumps to the next event and is exact', async () => {
  const clock = new VirtualClock();
  await clock.run(clock.sleep(0.1));
  await clock.run(clock.sleep(0.2));
  expect(clock.now()).toBe(0.3);
  expect(clock.ns).toBe(300_000);
});

test('events of one instant happen in the order in which they were scheduled', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const note = async (name: string, ms: number) => {
    await clock.sleep(ms);
    order.push(`${name}@${clock.now()}`);
  };
  await clock.run(Promise.all([note('c', 2), note('a', 1), note('b', 1), note('d', 2), note('now', 0)]));
  expect(order).toEqual(['now@0', 'a@1', 'b@1', 'c@2', 'd@2']);
});

test('all that an event sets off is done before the next one', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const chain = async () => {
    await clock.sleep(1);
    for (let i = 0; i < 50; i++) await null;
    await new Promise<void>((resolve) => process.nextTick(resolve));
    order.push('chain');
  };
  const next = clock.sleep(1).then(() => order.push('next'));
  const late = clock.sleep(1 + 1e-6).then(() => order.push('later'));
  const done = Promise.all([chain(), next, late]);
  await clock.run(done);
  expect(order).toEqual(['next', 'chain', 'later']);
});

test('a sleep of any length but zero takes time', async () => {
  const clock = new VirtualClock();
  await clock.run(clock.sleep(1e-9));
  expect(clock.ns).toBe(1);
  await clock.run(clock.sleep(-5));
  expect(clock.ns).toBe(1);
  await expect(clock.sleep(Number.NaN)).rejects.toThrow(RangeError);
});

test('an aborted sleep rejects with the reason and leaves nothing behind', async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const endless = clock.sleep(Number.POSITIVE_INFINITY, stop.signal);
  const long = clock.sleep(1000, stop.signal);
  clock.at(5_000_000, () => stop.abort('enough'));
  await expect(clock.run(Promise.all([endless, long]))).rejects.toBe('enough');
  await expect(long).rejects.toBe('enough');
  await expect(clock.sleep(1, stop.signal)).rejects.toBe('enough');
  expect(clock.now()).toBe(5);
  expect(clock.pending).toBe(0);
});

test('a deadlock is an error that says what is waited for', async () => {
  const clock = new VirtualClock();
  const forget = clock.observe(() => ['channel x: read of 24 bytes']);
  const stuck = clock.sleep(3).then(() => new Promise<never>(() => {}));
  const failure = await clock.run(stuck).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(DeadlockError);
  expect(String(failure)).toBe('DeadlockError: deadlock at 3 ms; waiting: channel x: read of 24 bytes');
  forget();
  await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing that the simulation knows of');
});

test('a scenario without an end, and one that polls without sleeping, are errors too', async () => {
  const clock = new VirtualClock({ limitMs: 50 });
  const done = new AbortController();
  const ticking = async (): Promise<void> => {
    for (;;) await clock.sleep(10, done.signal);
  };
  await expect(clock.run(ticking())).rejects.toThrow('no end within 50 ms at 50 ms');
  // Or it would tick on beside what follows.
  done.abort();
  const polling = async (): Promise<void> => {
    for (;;) await clock.sleep(0);
  };
  await expect(clock.run(polling())).rejects.toThrow('time stands still at 50 ms');
});

test('an error in the work comes out of run(), and the clock can be run again', async () => {
  const clock = new VirtualClock();
  const work = clock.sleep(1).then(() => {
    throw new Error('mine');
  });
  await expect(clock.run(work)).rejects.toThrow('mine');
  expect(await clock.run(Promise.resolve(7))).toBe(7);
});

test('only one run at a time, and nothing in the past', async () => {
  const clock = new VirtualClock();
  const first = clock.run(clock.sleep(1));
  await expect(clock.run(clock.sleep(1))).rejects.toThrow('being run already');
  await first;
  expect(() => clock.at(0, () => {})).toThrow(RangeError);
});

test('movers act in the order of their times, before the events of a later instant and after none of it', async () => {
  const clock = new VirtualClock();
  const fast = new Ticker(3);
  const slow = new Ticker(7);
  clock.addMover(fast);
  clock.addMover(slow);
  await clock.run(clock.sleepNs(12));
  expect(fast.moves).toEqual([0, 3, 6, 9]);
  expect(slow.moves).toEqual([0, 7]);
  // Two of one time: in the order in which they were added.
  const order: number[] = [];
  [0, 1].forEach((name) => {
    const twin = new Ticker(4);
    twin.next = clock.ns;
    twin.moves.push = () => order.push(name);
    clock.addMover(twin);
  });
  clock.removeMover(fast);
  await clock.run(clock.sleepNs(3));
  expect(fast.moves).toHaveLength(4);
  expect(slow.moves).toEqual([0, 7, 14]);
  expect(order).toEqual([0, 1]);
});

test('work outside of time stops it; without events a run waits for callbacks a good while', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const reading = async () => {
    await clock.outside(new Promise((resolve) => setTimeout(resolve, 20)));
    order.push(`read@${clock.now()}`);
  };
  const sleeping = clock.sleep(1).then(() => order.push(`slept@${clock.now()}`));
  expect(clock.sleeping).toBe(1);
  await clock.run(Promise.all([reading(), sleeping]));
  expect(order).toEqual(['read@0', 'slept@1']);
  expect(clock.sleeping).toBe(0);
  const digesting = async () => {
    for (let i = 0; i < 500; i++) await new Promise((resolve) => setImmediate(resolve));
    return 'digest';
  };
  expect(await clock.run(digesting())).toBe('digest');
});

test('a mover may schedule an event, which comes before what lies behind it', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const once: Mover & { next: number } = {
    next: 5,
    move() {
      clock.at(5, () => order.push(`fault@${clock.ns}`));
      once.next = Number.POSITIVE_INFINITY;
    },
  };
  const ticker = new Ticker(4);
  clock.addMover(ticker);
  clock.addMover(once);
  const work = clock.sleepNs(9).then(() => order.push(`end@${clock.ns}`));
  clock.at(6, () => order.push(`moves ${ticker.moves}`));
  await clock.run(work);
  expect(order).toEqual(['fault@5', 'moves 0,4', 'end@9']);
});

test('movers alone keep nothing alive, but get a while in case they schedule something', async () => {
  const clock = new VirtualClock({ patienceMs: 1 });
  const ticker = new Ticker(100_000);
  clock.addMover(ticker);
  await expect(clock.run(new Promise(() => {}))).rejects.toThrow(DeadlockError);
  expect(ticker.moves).toHaveLength(10);
});

test('property: the interleaving of movers does not depend on how the way is divided', async () => {
  const interleaving = async (steps: number[], stops: number[]): Promise<string[]> => {
    const clock = new VirtualClock();
    const log: string[] = [];
    steps.forEach((step, name) => {
      const ticker = new Ticker(step);
      ticker.moves.push = (at: number) => log.push(`${name}@${at}`);
      clock.addMover(ticker);
    });
    for (const stop of stops) await clock.run(clock.sleepNs(stop - clock.ns));
    return log;
  };
  const steps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
  const stops = fc.uniqueArray(fc.integer({ min: 1, max: 299 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, stops, async (steps, stops) => {
      const divided = await interleaving(steps, [...stops.sort((a, b) => a - b), 300]);
      expect(divided).toEqual(await interleaving(steps, [300]));
      const times = divided.map((entry) => Number(entry.split('@')[1]));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }),
    { numRuns: 60 },
  );
});

test('property: the queue gives events by time, then by order of arrival, whatever was cancelled', async () => {
  const entry = fc.record({ at: fc.integer({ min: 0, max: 30 }), cancelled: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 80 }), async (entries) => {
      const clock = new VirtualClock();
      const seen: number[] = [];
      const events = entries.map(({ at }, i) => clock.at(at, () => seen.push(i)));
      entries.forEach(({ cancelled }, i) => {
        if (cancelled) clock.cancel(events[i]);
      });
      await clock.run(clock.sleepNs(31));
      const order = entries.map(({ at }, i) => ({ at, i })).filter(({ i }) => !entries[i].cancelled);
      expect(seen).toEqual(order.sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => i));
    }),
    { numRuns: 60 },
  );
});
