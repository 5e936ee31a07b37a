/** What the guest's pattern program (guest/pattern.c) said on its console, from one or more logs of xenconsoled. */

export interface Told {
  /** The highest N of `ok N`; 0: none yet. */
  readonly last: number;
  /** Ns up to the highest that are not there. */
  readonly missing: readonly number[];
  /** Ns that were said twice: the guest ran twice, or from an older state. */
  readonly twice: readonly number[];
  readonly corrupt: readonly string[];
  /** How long it did not run, by its own clock, where the kernel says that it was suspended. */
  readonly suspensions: readonly { readonly gapMs: number; readonly suspendedMs: number }[];
}

/** Between two logs; no console prints it. */
export const END_OF_LOG = '\0';

/**
 * @param logs each but the last followed by END_OF_LOG. A restore empties the console's ring, so that a log may end in the middle of
 *   a line, as it may while the line is being written. Such an end does not count: the guest says its last lines again behind a
 *   suspend (`again N`), and these count as said.
 */
export function readConsole(logs: string): Told {
  const log = logs.split(END_OF_LOG).map(wholeLines).join('');
  const said = numbers(log, /^ok (\d+)\r?$/gm);
  const known = new Set([...said, ...numbers(log, /^again (\d+)\r?$/gm)]);
  const last = said.reduce((most, n) => Math.max(most, n), 0);
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter((n) => !known.has(n));
  const twice = said.filter((n, i) => said.indexOf(n) !== i);
  // Half a line says as much.
  const corrupt = logs.match(/[^\n\0]*CORRUPT[^\n\0]*/g) ?? [];
  const suspensions = [...log.matchAll(/gap ([\d.]+) suspended ([\d.]+)\r?$/gm)]
    .map(([, gap, suspended]) => ({ gapMs: Number(gap), suspendedMs: Number(suspended) }))
    .filter(({ suspendedMs }) => suspendedMs > 0);
  return { last, missing, twice, corrupt, suspensions };
}

/** What is wrong with it; empty: nothing. */
export function complaints({ missing, twice, corrupt }: Told): string[] {
  return [
    ...(missing.length > 0 ? [`the console lacks ok ${missing.join(', ')}`] : []),
    ...(twice.length > 0 ? [`the console says twice ok ${twice.join(', ')}`] : []),
    ...corrupt.slice(0, 5),
  ];
}

function wholeLines(log: string): string {
  return log.slice(0, log.lastIndexOf('\n') + 1);
}

function numbers(log: string, pattern: RegExp): number[] {
  return [...log.matchAll(pattern)].map(([, n]) => Number(n));
}
