import type { PageOps } from '../../../src/native/page-ops.js';
import type { OperationName } from './implementations.js';

/** What a call did: its result or its error, and all bytes of the buffers it was handed, those around the views too. */
export interface Outcome {
  value?: unknown;
  error?: string;
  buffers: Buffer[];
}

export function buffersOf(args: readonly unknown[]): Buffer[] {
  return args.filter((arg) => ArrayBuffer.isView(arg)).map((view) => Buffer.from(new Uint8Array(view.buffer)));
}

export function outcomeOf<K extends OperationName>(ops: PageOps, name: K, args: Parameters<PageOps[K]>): Outcome {
  const call = ops[name] as (...args: unknown[]) => unknown;
  try {
    const value = call(...args);
    return { value, buffers: buffersOf(args) };
  } catch (error) {
    return { error: String(error), buffers: buffersOf(args) };
  }
}

/** jest's own comparison takes milliseconds a page; it is left to name the difference where there is one. */
export function expectSameBytes(actual: Buffer[], expected: Buffer[]): void {
  const same = actual.length === expected.length && actual.every((buffer, i) => buffer.equals(expected[i]));
  if (!same) expect(actual).toEqual(expected);
}

export function expectSame(actual: Outcome, expected: Outcome): void {
  expect([actual.value, actual.error]).toEqual([expected.value, expected.error]);
  expectSameBytes(actual.buffers, expected.buffers);
}
