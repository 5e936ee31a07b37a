/** A migration while it runs: a bar on a terminal, plain lines otherwise. */
import { Presets, SingleBar } from 'cli-progress';
import type { MigrationLine } from '../host/api.js';
import type { Progress } from '../migrate/report.js';
import type { Output } from './output.js';
import { formatCount, formatMs, formatRate } from './units.js';

export interface ProgressView {
  show(line: MigrationLine): void;
  /** Leaves the terminal as a next line can begin. */
  stop(): void;
}

export function progressView(output: Output): ProgressView {
  return output.terminal ? new Bar(output.terminal, output) : new Lines(output);
}

class Bar implements ProgressView {
  private readonly bar: SingleBar;
  private state = 'setup';
  private fraction = 0;

  constructor(
    stream: NodeJS.WritableStream,
    private readonly output: Output,
  ) {
    const format = '{state} [{bar}] {percent} % | {rate} | {eta_text}';
    this.bar = new SingleBar({ format, stream, hideCursor: true, gracefulExit: false, fps: 10 }, Presets.legacy);
    this.bar.start(1000, 0, { state: this.state, percent: '0', rate: '', eta_text: '' });
  }

  show(line: MigrationLine): void {
    if (line.type === 'state') this.state = line.to;
    if (line.type === 'progress') this.update(line.progress);
    if (line.type === 'report') this.bar.update(1000, { state: line.report.state, percent: '100', eta_text: 'done' });
  }

  stop(): void {
    this.bar.stop();
    this.output.note('');
  }

  private update(progress: Progress): void {
    // The engine promises this; the bar would rather stand still than show it broken.
    this.fraction = Math.max(this.fraction, Math.min(1, progress.fraction));
    const eta = progress.etaMs === undefined ? '' : `${formatMs(progress.etaMs)} left`;
    const percent = (100 * this.fraction).toFixed(0);
    this.bar.update(1000 * this.fraction, {
      state: this.state.padEnd(8),
      percent,
      rate: formatRate(progress.bytesPerSecond),
      eta_text: eta,
    });
  }
}

/** Says what changes, not how far it is: for logs. */
class Lines implements ProgressView {
  constructor(private readonly output: Output) {}

  show(line: MigrationLine): void {
    if (line.type === 'state') this.output.note(`${line.from} → ${line.to}`);
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
