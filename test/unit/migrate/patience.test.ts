import { ChannelError, type Clock, systemClock } from '../../../src/migrate/index.js';
import { Patience } from '../../../src/migrate/io/patience.js';

const MS = 60;

/** The system's clock, and the sleeps on it that have not ended. */
class WatchedClock implements Clock {
  asleep = 0;
  slept = 0;

  now(): number {
    return systemClock.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asleep++;
    this.slept++;
    try {
      await systemClock.sleep(ms, signal);
    } finally {
      this.asleep--;
    }
  }
}

const never = (): Promise<never> => new Promise(() => undefined);

test('what settles in time is passed on, well or not', async () => {
  const clock = new WatchedClock();
  using patience = new Patience(clock, MS, 'too late');
  const failure = new Error('broken');
  await expect(patience.for(Promise.resolve(7))).resolves.toBe(7);
  await expect(patience.for(Promise.reject(failure))).rejects.toBe(failure);
});

test('each wait runs out by itself, and not before its time', async () => {
  using patience = new Patience(new WatchedClock(), MS, 'too late');
  const startedAt = performance.now();
  const first = patience.for(never()).catch((error: unknown) => [error, performance.now() - startedAt] as const);
  await systemClock.sleep(MS / 2);
  const second = patience.for(never()).catch((error: unknown) => [error, performance.now() - startedAt] as const);
  const done = patience.for(systemClock.sleep(MS / 2));
  const [[error, after], [, later]] = (await Promise.all([first, second])) as [
    [ChannelError, number],
    [unknown, number],
  ];
  await done;
  expect(error).toBeInstanceOf(ChannelError);
  expect(error).toMatchObject({ code: 'STALLED', message: 'too late' });
  expect(after).toBeGreaterThan(MS - 2);
  expect(later).toBeGreaterThan(1.5 * MS - 2);
});

test('a thousand waits share one timer, and dispose() frees it', async () => {
  const clock = new WatchedClock();
  {
    using patience = new Patience(clock, 10_000, 'too late');
    await Promise.all(Array.from({ length: 1000 }, (_, i) => patience.for(Promise.resolve(i))));
    await patience.for(systemClock.sleep(1));
    expect(clock.slept).toBe(1);
    expect(clock.asleep).toBe(1);
  }
  await systemClock.sleep(1);
  expect(clock.asleep).toBe(0);
});

test('it is patient again after an idle time', async () => {
  const clock = new WatchedClock();
  using patience = new Patience(clock, 10, 'too late');
  await patience.for(Promise.resolve());
  await systemClock.sleep(40);
  expect(clock.asleep).toBe(0);
  await expect(patience.for(never())).rejects.toMatchObject({ code: 'STALLED' });
});

test('without a limit there is no timer', async () => {
  const clock = new WatchedClock();
  using patience = new Patience(clock, Number.POSITIVE_INFINITY, 'too late');
  await patience.for(systemClock.sleep(5));
  expect(clock.slept).toBe(0);
});
