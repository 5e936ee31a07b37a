/** `xl migrate` by three-stage memory copy: what it took, and that its third stage has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLine } from '../../../../src/libxl/save-helper/events.js';
import type { MigrationReport } from '../../../../src/migrate/report.js';
import type { Bench } from '../../run/step.js';
import type { Dom0 } from '../../vm/dom0.js';
import type { Guest } from './guest.js';
import { type Migration, migrationCommand } from './helper.js';

export interface Moved {
  readonly report: MigrationReport;
  /** From the start of xl until it had ended, and nothing was missing any more. */
  readonly totalMs: number;
  readonly events: readonly EventLine[];
}

const EVENTS = '/var/tmp/xen-lab/events';
const PATIENCE_S = 120;

export interface ByTsmc extends Omit<Migration, 'source' | 'target' | 'countInto'> {
  readonly guest: Guest;
  readonly strategy?: 'tsmc' | 'auto' | 'precopy';
}

/** Resolves when nothing is missing any more. Throws where xl or the page server says that it failed. */
export async function moveByTsmc(bench: Bench, { strategy = 'tsmc', environment, ...rest }: ByTsmc): Promise<Moved> {
  const { from = bench.dom0, timeoutS = 240 } = rest;
  const settings = { ...environment, XENFERRY_STRATEGY: strategy, XENFERRY_EVENTS: EVENTS };
  const command = migrationCommand({ ...rest, source: 'ours', target: 'ours', environment: settings });
  await from.run(`mkdir -p $(dirname ${EVENTS}); rm -f ${EVENTS}`);
  const { code, output } = await from.exec(`date +%s%3N; ${command}; status=$?; date +%s%3N; exit $status`, {
    timeoutS,
  });
  bench.log(`$ ${command}\n${output}`);
  if (code !== 0 || !output.includes('Migration successful')) throw new Error(`xl migrate ended with ${code}`);
  const times = output.match(/^\d{13}$/gm)?.map(Number) ?? [];
  const [begun, ended] = [times[0], times[times.length - 1]];
  const events = await untilOver(bench, from);
  const last = events.find(({ side, type }) => side === 'save' && type === 'report');
  if (last?.type !== 'report') throw new Error('the page server has said nothing of its end');
  return { report: last.report, totalMs: Math.max(ended, last.time) - begun, events };
}

/** All that both helpers have told, once the saving one has told its last. */
async function untilOver(bench: Bench, dom0: Dom0): Promise<EventLine[]> {
  for (const end = Date.now() + PATIENCE_S * 1000; ; await sleep(1000)) {
    const lines = (await dom0.run(`cat ${EVENTS}`)).split('\n').filter((line) => line !== '');
    const events = lines.map((line) => JSON.parse(line) as EventLine);
    const last = events.find(({ side, type }) => side === 'save' && (type === 'report' || type === 'failed'));
    if (last?.type === 'report') return events;
    if (last || Date.now() > end) {
      bench.log(lines.slice(-40).join('\n'));
      throw new Error(last?.type === 'failed' ? last.failure.message : 'stage 3 does not come to its end');
    }
  }
}
