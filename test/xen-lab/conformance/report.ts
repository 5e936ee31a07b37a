/** Runs one collected test, and says how all went. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CollectedTest, failure } from '../../support/collecting-runner.js';

const TEST_TIMEOUT_MS = 240_000;

export interface Outcome {
  readonly kind: 'ok' | 'FAIL' | 'skip';
  readonly seconds: number;
  readonly why?: string;
}

/** A test that hangs, or is under way when `stop` is aborted, is given up; what it has of the pool is not taken back. */
export async function perform(test: CollectedTest, stop: AbortSignal): Promise<Outcome> {
  if (test.skipped) return { kind: 'skip', seconds: 0 };
  const began = performance.now();
  const done = new AbortController();
  const signal = AbortSignal.any([stop, done.signal]);
  const givenUp = sleep(TEST_TIMEOUT_MS, undefined, { signal }).then(
    () => new Error(`not done after ${TEST_TIMEOUT_MS / 1000} s`),
    () => new Error('stopped by a signal'),
  );
  const error = stop.aborted ? await givenUp : await Promise.race([failure(test), givenUp]);
  done.abort();
  const seconds = (performance.now() - began) / 1000;
  if (error === undefined) return { kind: 'ok', seconds };
  return { kind: 'FAIL', seconds, why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

interface Line extends Outcome {
  readonly name: string;
}

export class Report {
  private readonly began = performance.now();
  private readonly lines: Line[] = [];

  get failed(): number {
    return this.count('FAIL');
  }

  add({ topic, title }: Pick<CollectedTest, 'topic' | 'title'>, outcome: Outcome): void {
    const line = { name: `${topic}: ${title}`, ...outcome };
    this.lines.push(line);
    console.log(`${line.kind.padEnd(4)} ${line.seconds.toFixed(1).padStart(6)} s  ${line.name}`);
    if (line.why) console.log(line.why.replace(/^/gm, '      '));
  }

  /** The last line of stdout: one JSON document. */
  finish(facts: Record<string, unknown>): void {
    const seconds = Math.round((performance.now() - this.began) / 100) / 10;
    const counts = { passed: this.count('ok'), failed: this.failed, skipped: this.count('skip'), seconds };
    console.log(JSON.stringify({ ...facts, ...counts, tests: this.lines }));
  }

  private count(kind: Outcome['kind']): number {
    return this.lines.filter((line) => line.kind === kind).length;
  }
}
