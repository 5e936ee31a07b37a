/** One line of progress, as wide as the terminal at most: a line that wraps cannot be drawn over. */

export interface BarPayload {
  readonly state: string;
  readonly rate: string;
  /** Time left, or what is to be said instead. */
  readonly left: string;
}

const WIDEST_BAR = 40;
const NARROWEST_BAR = 8;
/** Brackets and a blank. */
const FRAME = 3;

/** On a narrow terminal first the bar shrinks, then the rate goes, then the state. */
export function barLine(columns: number, fraction: number, { state, rate, left }: BarPayload): string {
  const percent = `${(100 * fraction).toFixed(0).padStart(3)} %`;
  const texts = [[percent, state.padEnd(9), rate, left], [percent, state.padEnd(9), left], [percent, left], [percent]];
  const tails = texts.map((parts) => parts.filter((part) => part !== '').join(' | '));
  // The last column stays free: some terminals wrap as soon as it is written.
  const room = (tail: string): number => columns - 1 - tail.length - FRAME;
  const tail = tails.find((one) => room(one) >= NARROWEST_BAR) ?? percent;
  const size = Math.max(0, Math.min(WIDEST_BAR, room(tail)));
  const done = Math.round(size * fraction);
  return `[${'='.repeat(done)}${'-'.repeat(size - done)}] ${tail}`;
}
