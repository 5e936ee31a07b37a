/** A migration while it runs: a bar on a terminal, plain lines otherwise. */
import { type Options, Presets, SingleBar } from 'cli-progress';
import type { MigrationLine } from '../host/api.js';
import type { Progress } from '../migrate/report.js';
import { type BarPayload, barLine } from './bar-line.js';
import type { Output, Terminal } from './output.js';
import { formatBitRate, formatCount, formatMs } from './units.js';

export interface ProgressView {
  show(line: MigrationLine): void;
  /** Leaves the terminal as a next line can begin. */
  stop(): void;
}

export function progressView(output: Output): ProgressView {
  return output.terminal ? new Bar(output.terminal) : new Lines(output);
}

const STEPS = 1000;

/** How cli-progress shall draw a bar whose payload is {@link BarPayload}, on a terminal of any width. */
export function barOptions(stream: Terminal): Options {
  // Asked for at each drawing: the window may be resized.
  const format: Options['format'] = (_, { value, total }, payload: BarPayload) =>
    barLine(stream.columns ?? 80, value / total, payload);
  return { stream, format, hideCursor: true, gracefulExit: false, fps: 10 };
}

class Bar implements ProgressView {
  private readonly bar: SingleBar;
  private fraction = 0;

  constructor(stream: Terminal) {
    this.bar = new SingleBar(barOptions(stream), Presets.legacy);
    this.bar.start(STEPS, 0, { state: 'setup', rate: '', left: '' } satisfies BarPayload);
  }

  show(line: MigrationLine): void {
    if (line.type === 'state') this.bar.update({ state: line.to });
    if (line.type === 'progress') this.update(line.progress);
    if (line.type === 'report') this.bar.update(STEPS, { state: line.report.state, left: 'done' });
  }

  stop(): void {
    this.bar.stop();
  }

  private update(progress: Progress): void {
    // The engine promises this; the bar would rather stand still than show it broken.
    this.fraction = Math.max(this.fraction, Math.min(1, progress.fraction));
    this.bar.update(STEPS * this.fraction, rateAndTime(progress));
  }
}

export function rateAndTime({ bytesPerSecond, etaMs }: Progress): Pick<BarPayload, 'rate' | 'left'> {
  return { rate: formatBitRate(bytesPerSecond), left: etaMs === undefined ? '' : `${formatMs(etaMs)} left` };
}

/** Says what changes, not how far it is: for logs. */
class Lines implements ProgressView {
  constructor(private readonly output: Output) {}

  show(line: MigrationLine): void {
    if (line.type === 'state') this.output.note(`${line.from} → ${line.to}`);
    if (line.type === 'log-dirty') this.output.note('log-dirty was on already and has been taken over');
    if (line.type === 'strategy') this.output.note(`strategy ${line.strategy}: ${line.reason}`);
    if (line.type === 'channel') this.output.note(`channel ${line.what}${line.reason ? `: ${line.reason}` : ''}`);
    if (line.type !== 'round') return;
    const { round, dirtyPages, pagesSent, ms } = line.round;
    this.output.note(
      `round ${round}: ${formatCount(dirtyPages)} dirty, ${formatCount(pagesSent)} sent in ${formatMs(ms)}`,
    );
  }

  stop(): void {}
}
