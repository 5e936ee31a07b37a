/** A domain in the middle of its third stage, and what is told of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLine } from '../../../../src/libxl/save-helper/events.js';
import type { Stage3Status } from '../../../../src/libxl/stage3/status-file.js';
import type { Bench } from '../../run/step.js';
import { type Dom0, quoted } from '../../vm/dom0.js';
import type { Guest } from './guest.js';
import { migrationCommand } from './helper.js';

const FOLDER = '/run/xenferry/stage3';
const EVENTS = '/var/tmp/xen-lab/events';
const LOG = '/var/tmp/xen-lab/xl.log';
/** Longer than either end of a third stage waits for the other. */
const PATIENCE_S = 420;

/** A third stage that takes half a minute or more: the guest has rewritten some 4,000 pages. */
export const SLOW_PAGES = { XENFERRY_STRATEGY: 'tsmc', XENFERRY_POSTCOPY_BANDWIDTH: String(512 << 10) };

export interface Underway {
  readonly guest: Guest;
  readonly rune?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** `xl migrate` in the background, whose fate is of no interest; over the wire all goes slowly once the guest runs over there. */
export async function begin({ dom0, log }: Bench, { environment = SLOW_PAGES, ...rest }: Underway): Promise<void> {
  const settings = { ...environment, XENFERRY_EVENTS: EVENTS };
  const command = migrationCommand({ ...rest, source: 'ours', target: 'ours', environment: settings });
  await dom0.run(`mkdir -p $(dirname ${EVENTS}); rm -rf ${EVENTS} ${FOLDER}; touch ${EVENTS}
    setsid sh -c ${quoted(`${command}; echo "xl has ended with $?"`)} </dev/null >${LOG} 2>&1 & sleep 0.1`);
  log(`$ ${command}`);
}

/** As xl and the helpers have told it up to now. */
export const said = (dom0: Dom0): Promise<string> => dom0.run(`cat ${LOG}`);

export async function events(dom0: Dom0): Promise<EventLine[]> {
  const lines = (await dom0.run(`cat ${EVENTS}`)).split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as EventLine];
    } catch {
      return [];
    }
  });
}

/** Resolves when the saving side has come to this state of a migration. */
export async function untilState(bench: Bench, state: string): Promise<void> {
  await until(bench, `the migration comes to ${state}`, async () =>
    (await events(bench.dom0)).some(
      (line) => line.side === 'save' && line.type === 'event' && isState(line.event, state),
    ),
  );
}

function isState(event: Extract<EventLine, { type: 'event' }>['event'], state: string): boolean {
  return event.type === 'state' && event.to === state;
}

/** What the pager, or the page server, of whatever domain says; undefined if there is none. */
export async function statusOf(dom0: Dom0, role: Stage3Status['role']): Promise<Stage3Status | undefined> {
  const text = await dom0.run(`cat ${FOLDER}/${role}-*.json 2>/dev/null | tail -n 1`);
  return text.trim() === '' ? undefined : (JSON.parse(text) as Stage3Status);
}

/** Resolves when pages are missing and the guest runs. */
export async function untilMissing(bench: Bench, dom0 = bench.dom0): Promise<Stage3Status> {
  return until(bench, 'the guest runs and misses pages', async () => {
    const status = await statusOf(dom0, 'pager');
    return status?.state === 'running' && status.missing > 0 ? status : undefined;
  });
}

export async function untilEnded(
  bench: Bench,
  dom0 = bench.dom0,
  role: Stage3Status['role'] = 'pager',
): Promise<Stage3Status> {
  return until(bench, `the ${role} ends`, async () => {
    const status = await statusOf(dom0, role);
    return status?.state === 'completed' || status?.state === 'failed' ? status : undefined;
  });
}

/** Asks again and again. Throws, with what xl has said, where it does not come to pass. */
export async function until<T>(bench: Bench, what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + PATIENCE_S * 1000; ; await sleep(500)) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() < end) continue;
    const pager = JSON.stringify(await statusOf(bench.dom0, 'pager'));
    throw new Error(`it does not come to this: ${what}. The pager: ${pager}\n${(await said(bench.dom0)).slice(-2000)}`);
  }
}
