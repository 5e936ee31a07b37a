import { PassThrough } from 'node:stream';
import { barLine } from '../../../src/cli/bar-line.js';
import { CliError, report } from '../../../src/cli/failure.js';
import { Output } from '../../../src/cli/output.js';
import { progressView } from '../../../src/cli/progress.js';
import { reportSheet } from '../../../src/cli/tables.js';
import type { MigrationLine } from '../../../src/host/api.js';
import { HostError } from '../../../src/host/errors.js';
import type { MigrationReport } from '../../../src/migrate/report.js';

function captured(json: boolean, isTTY = false): { output: Output; stdout: () => string; stderr: () => string } {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100, clearLine: () => true, cursorTo: () => true });
  const text = (stream: PassThrough) => (): string => String(stream.read() ?? '');
  return { output: new Output(json, { stdout, stderr }), stdout: text(stdout), stderr: text(stderr) };
}

const progress = (fraction: number): MigrationLine => ({
  type: 'progress',
  at: 0,
  state: 'stage1',
  progress: { fraction, pagesSent: 1, bytesSent: 4096, bytesPerSecond: 1e6, etaMs: 1500 },
});

test('an error says what happened, to which domain, and what to do; in JSON the same, on stdout alone', () => {
  const error = new HostError('BUSY', 'domain web is being saved', {
    domain: 'web',
    remedy: 'wait until that is over',
  });
  const human = captured(false);
  expect(report(error, human.output)).toBe(4);
  expect(human.stderr()).toBe('xenferry: domain web is being saved\n  wait until that is over\n');
  expect(human.stdout()).toBe('');
  const machine = captured(true);
  expect(report(error, machine.output)).toBe(4);
  expect(JSON.parse(machine.stdout())).toEqual({
    error: { exit: 4, code: 'BUSY', message: error.message, remedy: 'wait until that is over', domain: 'web' },
  });
  expect(machine.stderr()).toBe('');
  expect(report(new CliError('BAD_FILE', 'x'), machine.output)).toBe(11);
  expect(report(new Error('a bug'), machine.output)).toBe(1);
  expect(report(Object.assign(new Error('in use'), { code: 'EADDRINUSE' }), machine.output)).toBe(4);
});

test('without a terminal: a line for each change, none for mere progress', () => {
  const { output, stderr } = captured(false);
  const view = progressView(output);
  view.show({ type: 'state', at: 0, from: 'setup', to: 'stage1' });
  view.show(progress(0.5));
  view.show({ type: 'strategy', at: 0, strategy: 'tsmc', reason: 'not-converging' });
  view.stop();
  expect(stderr()).toBe('setup → stage1\nstrategy tsmc: not-converging\n');
});

test('on a terminal: a bar that never runs backwards', () => {
  const { output, stderr, stdout } = captured(false, true);
  const view = progressView(output);
  const bar = (view as unknown as { bar: { value: number; render(): void } }).bar;
  const values = [0.1, 0.5, 0.3, 2, 0.4].map((fraction) => {
    view.show(progress(fraction));
    return bar.value;
  });
  bar.render();
  view.stop();
  expect(values).toEqual([100, 500, 500, 1000, 1000]);
  const shown = stderr();
  expect(shown).toContain('1.5 s left');
  expect(shown).toContain('8 Mbit/s');
  expect(stdout()).toBe('');
});

test('the bar fits, however narrow the terminal is, and leaves no empty line behind', () => {
  const payload = { state: 'stage1', rate: '1.2 Gbit/s', left: '12 min 34 s left' };
  for (let columns = 12; columns <= 120; columns++) {
    for (const fraction of [0, 0.5, 1]) {
      const line = barLine(columns, fraction, payload);
      expect([columns, line.length < columns]).toEqual([columns, true]);
      expect(line).toContain(`${100 * fraction} %`);
    }
  }
  expect(barLine(40, 0.5, payload)).toMatch(/^\[=+-+\] +50 % \| 12 min 34 s left$/);
  const { output, stderr } = captured(false, true);
  const view = progressView(output);
  view.show(progress(1));
  view.stop();
  view.stop();
  expect(stderr().match(/\n/g)).toHaveLength(1);
});

test('with --json no bar and no lines, whatever stderr is', () => {
  const { output, stderr } = captured(true, true);
  const view = progressView(output);
  view.show(progress(0.5));
  view.show({ type: 'state', at: 0, from: 'setup', to: 'stage1' });
  view.stop();
  expect(stderr()).toBe('');
});

test('the summary names what matters', () => {
  const stage3 = {
    ...{
      ms: 50,
      evictionMs: 1,
      runs: true,
      missingPages: 1000,
      faults: 12,
      demandPages: 12,
      prepullPages: 8,
      pushPages: 980,
      droppedPages: 0,
    },
    ...{ faultLatencyMs: { p50: 1, p99: 2, max: 3 }, blockedMs: [10, 5], reconnects: 1 },
  };
  const done: MigrationReport = {
    ...{
      strategy: 'tsmc',
      state: 'completed',
      totalMs: 1234,
      downtimeMs: 4.5,
      predictedDowntimeMs: 4,
      downtimeParts: {},
    },
    ...{
      pagesSent: 131072,
      elidedPages: 7,
      bytesSent: 2 ** 29,
      maxSendsPerPage: 2,
      rounds: [],
      stopReason: 'single-pass',
      stage3,
    },
  };
  const sheet = reportSheet(done);
  for (const text of ['tsmc', '1.2 s', '4.5 ms', '131,072', '512 MiB', '12 / 8 / 980', '15 ms'])
    expect(sheet).toContain(text);
});
