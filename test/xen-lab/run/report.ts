/** What all steps came to: for people as they end and at the end, and as one JSON document. */
import type { Outcome } from './step.js';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** A step counts by its results; one that has none, or fails beside them, counts by itself. */
export function countsOf({ results, error }: Outcome): Counts {
  const failed = results.filter(({ ok }) => !ok).length + (error === undefined ? 0 : 1);
  const passed = results.length === 0 && error === undefined ? 1 : results.filter(({ ok }) => ok).length;
  return { passed, failed };
}

export class Report {
  private readonly outcomes: Outcome[] = [];

  constructor(private readonly print: (line: string) => void) {}

  add(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.print(lineOf(outcome));
    for (const note of outcome.notes) this.print(`        ${note}`);
    for (const { name, detail } of outcome.results.filter(({ ok }) => !ok))
      this.print(indented(`FAIL ${name}`, detail));
    if (outcome.error !== undefined) this.print(indented(outcome.error, outcome.tail));
  }

  /** Something that is neither passed nor failed. */
  note(text: string): void {
    this.print(text);
  }

  get counts(): Counts {
    const all = this.outcomes.map(countsOf);
    return { passed: sum(all.map(({ passed }) => passed)), failed: sum(all.map(({ failed }) => failed)) };
  }

  /** The table of all steps, and as the last line `N passed, N failed`. */
  finish(): void {
    this.print('');
    for (const outcome of this.outcomes) this.print(lineOf(outcome));
    const { passed, failed } = this.counts;
    this.print(`${passed} passed, ${failed} failed`);
  }

  toJSON(): Counts & { steps: readonly Outcome[] } {
    return { ...this.counts, steps: this.outcomes };
  }
}

function lineOf(outcome: Outcome): string {
  const { passed, failed } = countsOf(outcome);
  const verdict = failed === 0 ? 'ok  ' : 'FAIL';
  const many = outcome.results.length > 0 ? ` (${passed} passed, ${failed} failed)` : '';
  return `${verdict} ${outcome.seconds.toFixed(1).padStart(7)} s  ${outcome.flavour.padEnd(13)} ${outcome.name}${many}`;
}

function indented(head: string, text = ''): string {
  return `${head}\n${text}`.trimEnd().replace(/^/gm, '        ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
