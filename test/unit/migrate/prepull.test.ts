import fc from 'fast-check';
import { Latencies } from '../../../src/migrate/receive/latency.js';
import { adaptiveWindow, fixedWindow } from '../../../src/migrate/receive/prepull.js';
import { PushCursor } from '../../../src/migrate/send/push-cursor.js';
import { PushPace } from '../../../src/migrate/send/push-pace.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('adaptive window', () => {
  it('always holds the fault', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 }), (faults) => {
        const policy = adaptiveWindow();
        for (const gfn of faults) {
          const { first, count } = policy.window(gfn, 0);
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
      const { first, count } = forward.window(at, 0);
      at = first + count;
    }
    expect(forward.window(at, 0).count).toBe(128);

    const backward = adaptiveWindow();
    at = 100_000;
    let last = backward.window(at, 0);
    for (let i = 0; i < 8; i++) last = backward.window(last.first - 1, 0);
    expect(last.count).toBe(128);
    expect(last.first).toBeLessThan(last.first + last.count - 1);

    const jumping = adaptiveWindow();
    for (let i = 0; i < 6; i++) last = jumping.window(i * 10_000, 0);
    expect(last.count).toBe(4);
  });

  it('follows each vCPU by itself', () => {
    const policy = adaptiveWindow();
    let last = [policy.window(1000, 0), policy.window(90_000, 1)];
    for (let i = 0; i < 6; i++) last = last.map(({ first, count }, vcpu) => policy.window(first + count, vcpu));
    expect(last.map(({ count }) => count)).toEqual([128, 128]);
  });

  it('follows several walks of one vCPU at a time', () => {
    const policy = adaptiveWindow();
    const starts = [1000, 50_000, 90_000];
    let last = starts.map((gfn) => policy.window(gfn, 0));
    for (let i = 0; i < 6; i++) last = last.map(({ first, count }) => policy.window(first + count, 0));
    expect(last.map(({ count }) => count)).toEqual([128, 128, 128]);
  });

  it('none asks for nothing besides', () => {
    expect(fixedWindow(0).window(7, 0).count).toBe(0);
  });
});

describe('PushCursor', () => {
  const MOST = 1024;

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
            got.push(...cursor.claim(gfn));
            cursor.faultAt(gfn, 5);
            got.push(...cursor.take(MOST).gfns);
          }
          for (let batch = cursor.take(MOST); batch.gfns.length > 0; batch = cursor.take(MOST)) got.push(...batch.gfns);
          expect(got.sort((a, b) => a - b)).toEqual(wanted);
          expect(cursor.left()).toBe(0);
        },
      ),
    );
  });

  it('grows while no fault comes; then sends the window and goes on behind it, small again', () => {
    const cursor = new PushCursor(new Uint8Array(1000).fill(0xff), 8000);
    expect([1, 2, 3].map(() => cursor.take(MOST).gfns.length)).toEqual([16, 32, 48]);
    expect([...cursor.claim(4003)]).toEqual([4003]);
    expect([...cursor.claim(4003)]).toEqual([]);
    cursor.faultAt(4000, 8);
    const window = cursor.take(MOST);
    expect([window.why, [...window.gfns]]).toEqual(['prepull', [4000, 4001, 4002, 4004, 4005, 4006, 4007]]);
    const next = cursor.take(MOST);
    expect([next.why, next.gfns[0], next.gfns.length]).toEqual(['push', 4008, 16]);
  });

  it('never takes more than it is told', () => {
    const cursor = new PushCursor(new Uint8Array(1000).fill(0xff), 8000);
    expect(cursor.take(3).gfns.length).toBe(3);
  });
});

describe('PushPace', () => {
  /** A link of so many pages a ms and such a round trip; returns pages a ms in the end. */
  async function steady(pagesPerMs: number, roundTripMs: number): Promise<{ rate: number; queueMs: number }> {
    const clock = new ManualClock();
    const pace = new PushPace(clock);
    const answers: { at: number; pages: number }[] = [];
    let linkFree = 0;
    let done = 0;
    let from = { at: 0, done: 0 };
    let queueMs = 0;
    for (let i = 0; i < 4000; i++) {
      let room = false;
      const waiting = pace.room().then(() => {
        room = true;
      });
      await Promise.resolve();
      while (!room) {
        const answer = answers.shift() as { at: number; pages: number };
        clock.advance(Math.max(0, answer.at - clock.now()));
        pace.answered();
        done += answer.pages;
        await Promise.resolve();
        await Promise.resolve();
      }
      await waiting;
      const pages = Math.min(256, pace.batchPages);
      pace.sent(pages);
      queueMs = Math.max(0, linkFree - clock.now());
      linkFree = Math.max(linkFree, clock.now()) + pages / pagesPerMs;
      answers.push({ at: linkFree + roundTripMs, pages });
      if (i === 2000) from = { at: clock.now(), done };
    }
    return { rate: (done - from.done) / (clock.now() - from.at), queueMs };
  }

  it.each([
    [3, 0.4],
    [30, 0.4],
    [30, 10],
    [30, 40],
    [250, 0.2],
    [1, 40],
  ])('fills a link of %d pages a ms with a round trip of %d ms, and queues little', async (pagesPerMs, roundTripMs) => {
    const { rate, queueMs } = await steady(pagesPerMs, roundTripMs);
    expect(rate).toBeGreaterThan(0.9 * pagesPerMs);
    expect(queueMs).toBeLessThan(0.6 * roundTripMs + 6);
  });

  it('makes batches as large as is worth what one costs the destination', () => {
    const [batchMs, pageMs] = [15, 0.5];
    const pace = new PushPace(new ManualClock());
    const sizes: number[] = [];
    for (let i = 0; i < 40; i++) {
      const pages = pace.leastPages;
      sizes.push(pages);
      pace.sent(pages);
      pace.answered(batchMs + pageMs * pages);
    }
    expect(sizes[0]).toBe(16);
    // Half of the time is the pages' own.
    expect(sizes.at(-1)).toBeGreaterThanOrEqual(28);
    expect(sizes.at(-1)).toBeLessThanOrEqual(64);
  });

  it('an answer to nothing does no harm', () => {
    const pace = new PushPace(new ManualClock());
    pace.answered();
    expect([pace.answers, pace.isWaiting]).toEqual([0, false]);
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
