/** A runner for the conformance suite that only collects, so that a test can run its tests one by one and judge them. */
import type { ConformanceOptions } from '../conformance/index.js';
import { conformance } from '../conformance/index.js';

export interface CollectedTest {
  readonly topic: string;
  readonly title: string;
  readonly skipped: boolean;
  readonly body: () => Promise<void>;
}

export function collect(options: Omit<ConformanceOptions, 'test' | 'describe'>): CollectedTest[] {
  const collected: CollectedTest[] = [];
  let topic = '';
  const add =
    (skipped: boolean) =>
    (title: string, body: () => Promise<void>): void => {
      collected.push({ topic, title, skipped, body });
    };
  const describe = (name: string, body: () => void): void => {
    topic = name;
    body();
  };
  conformance({ ...options, describe, test: Object.assign(add(false), { skip: add(true) }) });
  return collected;
}

/** Why it failed; undefined if it passed. */
export async function failure(test: CollectedTest): Promise<unknown> {
  try {
    await test.body();
    return undefined;
  } catch (error) {
    return error ?? new Error('rejected with nothing');
  }
}
