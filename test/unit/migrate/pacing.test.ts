import fc from 'fast-check';
import { RateLimiter } from '../../../src/migrate/io/limiter.js';
import { ProgressMeter } from '../../../src/migrate/progress.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('RateLimiter', () => {
  it('holds any mix of sizes to the rate, but for one burst', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 1 << 22 }), { minLength: 2, maxLength: 60 }),
        async (sizes) => {
          const clock = new ManualClock();
          const limiter = new RateLimiter(clock, 10e6);
          for (const size of sizes) await limiter.take(size);
          const before = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
          // The last batch is let go as soon as those before it are paid for, to the shortest wait and the burst.
          expect(clock.now()).toBeGreaterThanOrEqual((before / 10e6) * 1000 - 22);
          expect(clock.now()).toBeLessThanOrEqual((before / 10e6) * 1000 + 1e-6);
        },
      ),
    );
  });

  it('makes later work pay for what could not wait', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, 1e6);
    limiter.charge(1e6);
    await limiter.take(1);
    expect(clock.now()).toBeGreaterThan(950);
  });

  it('does not wait without a rate', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock);
    await limiter.take(1e12);
    await limiter.take(1e12);
    expect(clock.now()).toBe(0);
    expect(limiter.batchPages(5, 1024)).toBe(1024);
  });

  it('sizes batches by time, one page at least', () => {
    expect(new RateLimiter(new ManualClock(), 12.5e6).batchPages(50, 1024)).toBe(152);
    expect(new RateLimiter(new ManualClock(), 1000).batchPages(50, 1024)).toBe(1);
  });
});

describe('ProgressMeter', () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 500 }),
    sent: fc.integer({ min: 0, max: 5000 }),
    left: fc.integer({ min: 0, max: 100_000 }),
  });

  it('never goes backwards, whatever the guest dirties', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), (steps) => {
        const clock = new ManualClock();
        const meter = new ProgressMeter(clock);
        let sent = 0;
        let last = { fraction: 0, etaMs: Number.POSITIVE_INFINITY };
        for (const { ms, sent: more, left } of steps) {
          clock.advance(ms);
          sent += more;
          const { fraction, etaMs = Number.POSITIVE_INFINITY } = meter.update(sent, left, sent * 4096);
          expect(fraction).toBeGreaterThanOrEqual(last.fraction);
          expect(fraction).toBeLessThanOrEqual(1);
          expect(etaMs).toBeLessThanOrEqual(last.etaMs);
          expect(etaMs).toBeGreaterThanOrEqual(0);
          last = { fraction, etaMs };
        }
      }),
    );
  });

  it('is exact on a steady link', () => {
    const clock = new ManualClock();
    const meter = new ProgressMeter(clock);
    clock.advance(1000);
    meter.update(1000, 9000, 1000 * 4096);
    clock.advance(1000);
    const progress = meter.update(2000, 8000, 2000 * 4096);
    expect(progress.fraction).toBeCloseTo(0.2);
    expect(progress.etaMs).toBeCloseTo(8000, -1);
  });
});
