/** A migration on a terminal: a bar, and under it the domain's memory. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { MigrationLine } from '../../host/api.js';
import type { BarPayload } from '../bar-line.js';
import type { Output, Terminal } from '../output.js';
import { barOptions, type ProgressView, progressView, rateAndTime } from '../progress.js';

/** Of the characters of a MemoryLine: what is drawn, its colour (ANSI), and its name. */
const CELLS: Readonly<Record<string, readonly [block: string, colour: number, name: string]>> = {
  '.': ['·', 90, 'to send'],
  s: ['█', 32, 'sent'],
  d: ['▒', 33, 'written since'],
  m: ['░', 31, 'missing'],
  a: ['▓', 36, 'arrived'],
};

export function pictureView(output: Output): ProgressView {
  return output.terminal ? new Picture(output.terminal, output) : progressView(output);
}

class Picture implements ProgressView {
  private readonly bars: MultiBar;
  private readonly bar: SingleBar;
  private readonly memory: SingleBar;
  private stopped = false;

  constructor(
    stream: Terminal,
    private readonly output: Output,
  ) {
    this.bars = new MultiBar(barOptions(stream), Presets.legacy);
    this.bar = this.bars.create(1000, 0, { state: 'setup', rate: '', left: '' } satisfies BarPayload);
    this.memory = this.bars.create(1, 0, { cells: '' }, { format: '  {cells}' });
  }

  show(line: MigrationLine): void {
    if (line.type === 'memory') this.memory.update({ cells: Array.from(line.cells, drawn).join('') });
    if (line.type === 'state') this.bar.update({ state: line.to });
    if (line.type === 'report') this.bar.update(1000, { state: line.report.state, left: 'done' });
    if (line.type === 'progress') this.bar.update(1000 * line.progress.fraction, rateAndTime(line.progress));
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.bars.stop();
    this.output.note(`  ${legend()}`);
  }
}

function drawn(cell: string): string {
  const [block, colour] = CELLS[cell] ?? [cell, 0];
  return process.env.NO_COLOR ? block : `\u001b[${colour}m${block}\u001b[0m`;
}

function legend(): string {
  const names = Object.entries(CELLS).map(([cell, [, , name]]) => `${drawn(cell)} ${name}`);
  return names.join('   ');
}
