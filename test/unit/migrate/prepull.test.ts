import fc from 'fast-check';
import { RateLimiter } from '../../../src/migrate/io/limiter.js';
import { Latencies } from '../../../src/migrate/receive/latency.js';
import { adaptiveWindow, fixedWindow } from '../../../src/migrate/receive/prepull.js';
import { PushCursor } from '../../../src/migrate/send/push-cursor.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('adaptive window', () => {
  it('always holds the fault', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 }), (faults) => {
        const policy = adaptiveWindow();
        for (const gfn of faults) {
          const { first, count } = policy.window(gfn);
          expect(gfn).toBeGreaterThanOrEqual(first);
          expect(gfn).toBeLessThan(first + count);
          expect(count).toBeLessThanOrEqual(128);
          expect(count).toBeGreaterThanOrEqual(4);
        }
      }),
    );
  });

  it('grows along a walk, in either direction, and shrinks on jumps', () => {
    const forward = adaptiveWindow();
    let at = 1000;
    for (let i = 0; i < 6; i++) {
      const { first, count } = forward.window(at);
      at = first + count;
    }
    expect(forward.window(at).count).toBe(128);

    const backward = adaptiveWindow();
    at = 100_000;
    let last = backward.window(at);
    for (let i = 0; i < 8; i++) last = backward.window(last.first - 1);
    expect(last.count).toBe(128);
    expect(last.first).toBeLessThan(last.first + last.count - 1);

    const jumping = adaptiveWindow();
    for (let i = 0; i < 6; i++) last = jumping.window(i * 10_000);
    expect(last.count).toBe(4);
  });

  it('none asks for nothing besides', () => {
    expect(fixedWindow(0).window(7).count).toBe(0);
  });
});

describe('PushCursor', () => {
  const unlimited = (): RateLimiter => new RateLimiter(new ManualClock());

  it('hands out every unsent page exactly once, whatever is claimed between', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.nat(2399), { maxLength: 40 }),
        (bitmap, claims) => {
          const nrGfns = bitmap.length * 8;
          const wanted = [...Array(nrGfns).keys()].filter((gfn) => bitmap[gfn >> 3] & (1 << (gfn & 7)));
          const cursor = new PushCursor(bitmap, nrGfns);
          const got: number[] = [];
          for (const gfn of claims.filter((claim) => claim < nrGfns)) {
            got.push(...cursor.claim(gfn, 5));
            cursor.faultAt(gfn + 5);
            got.push(...cursor.take(unlimited()));
          }
          for (let batch = cursor.take(unlimited()); batch.length > 0; batch = cursor.take(unlimited())) got.push(...batch);
          expect(got.sort((a, b) => a - b)).toEqual(wanted);
          expect(cursor.left()).toBe(0);
        },
      ),
    );
  });

  it('grows while no fault comes, and starts small behind one', () => {
    const cursor = new PushCursor(new Uint8Array(1000).fill(0xff), 8000);
    expect([1, 2, 3].map(() => cursor.take(unlimited()).length)).toEqual([16, 32, 48]);
    cursor.faultAt(4000);
    const batch = cursor.take(unlimited());
    expect([batch[0], batch.length]).toEqual([4000, 16]);
  });
});

it('latencies keep exact quantiles of what they hold, and the maximum of all', () => {
  const latencies = new Latencies();
  for (let i = 1; i <= 100; i++) latencies.add(i);
  expect(latencies.summary()).toEqual({ p50: 51, p99: 100, max: 100 });
  for (let i = 0; i < 10_000; i++) latencies.add(1);
  expect(latencies.summary().max).toBe(100);
  expect(latencies.summary().p50).toBe(1);
});
