/** Assertions the topics share. node:assert only: the suite runs under any runner. */
import assert from 'node:assert/strict';
import { BackendError, type BackendErrorCode } from '../../src/backends/backend.js';
import type { Scene } from './runner.js';

/** For a promise that is awaited later, or never: should the test fail before, its rejection is nobody's news. */
export function begun<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** The call returns a promise (it never throws at once) that rejects with this code, and errno where one is named. */
export async function refuses(
  code: BackendErrorCode,
  call: () => Promise<unknown>,
  errno?: number,
): Promise<BackendError> {
  const error = await rejection(call());
  assert.ok(error instanceof BackendError, `expected a BackendError of code ${code}, got ${String(error)}`);
  assert.equal(error.code, code, `expected code ${code}, got ${error.code}: ${error.message}`);
  if (errno !== undefined) assert.equal(error.errno, errno, `errno of ${code}`);
  return error;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    () => ({ rejected: false as const }),
    (error: unknown) => ({ rejected: true as const, error }),
  );
  assert.ok(outcome.rejected, 'the call should have been refused and was not');
  return outcome.error;
}

const PATIENCE_MS = 5_000;

/** The value of `promise`, or a failure that says what did not happen. A hang is a finding and must have a name. */
export async function soon<T>(scene: Scene, what: string, promise: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = scene.sleep(PATIENCE_MS, answered.signal).then(
    () => assert.fail(`${what}: nothing after ${PATIENCE_MS} ms`),
    // Only an answer aborts the sleep, and then this arm of the race no longer counts.
    () => promise,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    answered.abort();
  }
}

/** Fails if `promise` settles within `ms`: the guest is not supposed to get that far. */
export async function notYet(scene: Scene, what: string, promise: Promise<unknown>, ms = 20): Promise<void> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await scene.sleep(ms);
  assert.equal(settled, false, `${what} should still be waiting`);
}
