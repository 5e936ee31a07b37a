/** One step, with its time limit. */
import { FLAVOURS } from '../flavours.js';
import type { Dom0 } from '../vm/dom0.js';
import { GuestHarmed, type Outcome, type Result, type Step } from './step.js';
import { Tail } from './tail.js';

export async function perform(step: Step, dom0s: readonly Dom0[], interrupted: AbortSignal): Promise<Outcome> {
  const { name, flavour, timeoutS } = step;
  const tail = new Tail();
  const results: Result[] = [];
  const notes: string[] = [];
  const late = new AbortController();
  const signal = AbortSignal.any([late.signal, interrupted]);
  const timer = setTimeout(() => late.abort(new Error(`not done after ${timeoutS} s`)), timeoutS * 1000);
  const used = dom0s.map((dom0) => dom0.until(signal));
  const bench = {
    flavour: FLAVOURS[flavour],
    dom0s: used,
    dom0: used[0],
    signal,
    log: (text: string) => tail.add(text.endsWith('\n') ? text : `${text}\n`),
    note: (text: string) => void notes.push(text),
    result: (result: Result) => void results.push(result),
  };
  const begun = performance.now();
  let error: string | undefined;
  let harmed: true | undefined;
  try {
    await Promise.race([step.run(bench), aborted(signal)]);
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof GuestHarmed) harmed = true;
  } finally {
    clearTimeout(timer);
  }
  const failed = error !== undefined || results.some(({ ok }) => !ok);
  const seconds = (performance.now() - begun) / 1000;
  return {
    name,
    flavour,
    seconds,
    results: [...results],
    notes,
    error,
    harmed,
    tail: failed ? String(tail) : undefined,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
