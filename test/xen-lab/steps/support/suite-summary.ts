/** What the conformance suite's program (conformance/main.ts) says: a line for each test, and one JSON document. */

export interface Summary {
  readonly failed: number;
  readonly skipped: number;
  readonly tests: readonly {
    readonly name: string;
    readonly kind: 'ok' | 'FAIL' | 'skip';
    readonly seconds: number;
    readonly why?: string;
  }[];
}

/** So many must have run, so that a suite that skips all of it is not taken for one that passed. */
export const LEAST_RUN = 90;

/** `timeout`'s own status. */
const TOO_LATE = 124;

/** Throws where the program was not done, its status does not agree with what it says, or too little of the suite was run. */
export function summaryIn(code: number, output: string): Summary {
  const line = output.split('\n').findLast((text) => text.startsWith('{"type"'));
  if (code === TOO_LATE) throw new Error(`the suite was not done in time; so far:\n${testLines(output)}`);
  if (line === undefined)
    throw new Error(`the suite ended with ${code} and without its summary:\n${testLines(output)}`);
  const summary = JSON.parse(line) as Summary;
  const { tests } = summary;
  const failed = tests.filter(({ kind }) => kind === 'FAIL').length;
  if ((code === 0) !== (failed === 0)) throw new Error(`the suite ended with ${code}, and ${failed} tests failed`);
  const run = tests.filter(({ kind }) => kind !== 'skip').length;
  if (run < LEAST_RUN) throw new Error(`only ${run} tests were run, not ${LEAST_RUN} at least`);
  return summary;
}

function testLines(output: string): string {
  const lines = output.split('\n').filter((line) => /^(ok|FAIL|skip) +[\d.]+ s /.test(line));
  return lines.join('\n') || '(no test)';
}
