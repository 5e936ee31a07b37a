/** What a test leaves open in this process: when its fixture is closed, it is to hold as much as before. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from './report.js';

/** What is counted, each under the name that a report gives it. */
export type Counters = Readonly<Record<string, () => number>>;

/** What is under way when a fixture is closed lets go a moment later. */
const PATIENCE_MS = 1_000;
const POLL_MS = 20;

export class LeftOpen {
  /** Of each, what was there before the next test. One that was given up may hold its own for ever, and is blamed once. */
  private known: Readonly<Record<string, number>>;

  constructor(
    private readonly counters: Counters,
    private readonly patienceMs = PATIENCE_MS,
  ) {
    this.known = this.count();
  }

  /** The outcome of the test that has just ended: one that leaves something open has failed. */
  async judge(outcome: Outcome): Promise<Outcome> {
    const left = await this.settled();
    this.known = this.count();
    if (left.length === 0) return outcome;
    const why = `it leaves open: ${left.join(', ')}`;
    return { ...outcome, kind: 'FAIL', why: outcome.why ? `${outcome.why}\n${why}` : why };
  }

  private async settled(): Promise<string[]> {
    for (const end = performance.now() + this.patienceMs; ; await sleep(POLL_MS)) {
      const left = this.more();
      if (left.length === 0 || performance.now() > end) return left;
    }
  }

  private more(): string[] {
    const now = Object.entries(this.count()).map(([name, count]) => [name, count - this.known[name]] as const);
    return now.filter(([, more]) => more > 0).map(([name, more]) => `${name}: ${more}`);
  }

  private count(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.counters).map(([name, counter]) => [name, counter()]));
  }
}
