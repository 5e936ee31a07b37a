import type { RoundReport } from '../../../src/migrate/index.js';
import { autoPolicy, precopyPolicy, type Situation, singlePass } from '../../../src/migrate/send/policy.js';

const NR_GFNS = 10_000;

function round(index: number, dirtyPages: number, pagesSent = dirtyPages): RoundReport {
  return {
    round: index,
    ms: 10,
    dirtyPages,
    pagesSent,
    elidedPages: 0,
    skippedPages: dirtyPages - pagesSent,
    deferredPages: 0,
    bytesSent: pagesSent * 4096,
    faultCount: 0,
    final: false,
  };
}

function situation(dirty: number[], more: Partial<Situation> = {}): Situation {
  return {
    nrGfns: NR_GFNS,
    rounds: dirty.map((pages, i) => round(i, pages)),
    pagesSent: dirty.reduce((sum, pages) => sum + pages, 0),
    ...more,
  };
}

describe('policy xen (today)', () => {
  const policy = precopyPolicy('xen');

  it('goes on while many pages are dirty and rounds are left', () => {
    expect(policy(situation([NR_GFNS], { dirtyPages: 50 })).kind).toBe('continue');
    expect(policy(situation([NR_GFNS, 900, 800, 700])).kind).toBe('continue');
  });

  it('sends fewer than 50 pages live and then stops', () => {
    expect(policy(situation([NR_GFNS], { dirtyPages: 49 }))).toEqual({
      kind: 'send-then-stop',
      reason: 'few-dirty-pages',
    });
  });

  it('stops after five live rounds', () => {
    expect(policy(situation([NR_GFNS, 900, 800, 700, 600]))).toEqual({ kind: 'stop', reason: 'round-limit' });
  });
});

describe('policy xen-4.1', () => {
  const policy = precopyPolicy('xen-4.1');

  it('is asked nothing before a round', () => {
    expect(policy(situation([NR_GFNS], { dirtyPages: 3 })).kind).toBe('continue');
  });

  it('stops when a round sent and skipped fewer than 50 pages', () => {
    expect(policy(situation([NR_GFNS, 49]))).toEqual({ kind: 'stop', reason: 'few-dirty-pages' });
    const skipped = { ...round(1, 60, 5) };
    expect(policy({ nrGfns: NR_GFNS, rounds: [round(0, NR_GFNS), skipped], pagesSent: 10_005 }).kind).toBe('continue');
  });

  it('stops after 29 rounds', () => {
    const rounds = [NR_GFNS, ...new Array<number>(27).fill(100)];
    expect(policy(situation(rounds)).kind).toBe('continue');
    expect(policy(situation([...rounds, 100]))).toEqual({ kind: 'stop', reason: 'round-limit' });
  });

  it('stops after three times the memory', () => {
    expect(policy(situation([NR_GFNS, NR_GFNS, NR_GFNS])).kind).toBe('continue');
    expect(policy(situation([NR_GFNS, NR_GFNS, NR_GFNS, 60]))).toEqual({ kind: 'stop', reason: 'volume-limit' });
  });
});

describe('downtime budget', () => {
  const policy = precopyPolicy('xen', 100);

  it('stops at once when the rest fits the budget', () => {
    const fits = situation([NR_GFNS], { dirtyPages: 5000, predictedDowntimeMs: 100 });
    expect(policy(fits)).toEqual({ kind: 'stop', reason: 'downtime-budget' });
  });

  it('never stops before the full copy', () => {
    expect(policy(situation([], { dirtyPages: NR_GFNS, predictedDowntimeMs: 0 })).kind).toBe('continue');
  });

  it('leaves the rest to the base policy', () => {
    const big = situation([NR_GFNS], { dirtyPages: 49, predictedDowntimeMs: 101 });
    expect(policy(big)).toEqual({ kind: 'send-then-stop', reason: 'few-dirty-pages' });
  });
});

describe('auto', () => {
  const policy = autoPolicy('xen-4.1');

  it('stops when a round leaves more than 70 % of what it began with', () => {
    const at = (dirtyPages: number): Situation => situation([NR_GFNS, 1000], { dirtyPages, predictedDowntimeMs: 1e6 });
    expect(policy(at(700)).kind).toBe('continue');
    expect(policy(at(701))).toEqual({ kind: 'stop', reason: 'not-converging' });
  });

  it('does not judge by the full copy alone', () => {
    expect(policy(situation([NR_GFNS], { dirtyPages: 9999, predictedDowntimeMs: 1e6 })).kind).toBe('continue');
  });
});

it('TSMC stage 1 is one pass', () => {
  expect(singlePass(situation([], { dirtyPages: NR_GFNS })).kind).toBe('continue');
  expect(singlePass(situation([NR_GFNS]))).toEqual({ kind: 'stop', reason: 'single-pass' });
});
