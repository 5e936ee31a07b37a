/** What pagers and page servers say of themselves, for people and programs. */
import Table from 'cli-table3';
import { isAtWork, type Stage3State, type Stage3Status } from '../libxl/stage3/status-file.js';
import { XlError } from '../libxl/xl/errors.js';
import { formatCount, formatMs } from './units.js';

/** `died`: it says that it works, and its process is gone. */
export type ShownStatus = Omit<Stage3Status, 'state'> & { readonly state: Stage3State | 'died' };

/**
 * All, or those of one domain by name or domid; the latest first.
 * @throws XlError NO_SUCH_DOMAIN
 */
export function selected(
  statuses: readonly Stage3Status[],
  ref?: string,
  isThere: (status: Stage3Status) => boolean = isAtWork,
): ShownStatus[] {
  const wanted = statuses.filter(({ name, domid }) => ref === undefined || name === ref || String(domid) === ref);
  if (ref !== undefined && wanted.length === 0)
    throw new XlError(
      'NO_SUCH_DOMAIN',
      `no post-copy of a domain ${ref} is known here`,
      'xenferry status shows all that are; one whose domain has gone leaves none, nor does a migration by precopy',
    );
  const shown = wanted.map((status) => ({
    ...status,
    state: ended(status) || isThere(status) ? status.state : 'died',
  }));
  return shown.sort((a, b) => b.startedAt - a.startedAt) as ShownStatus[];
}

function ended({ state }: Stage3Status): boolean {
  return state === 'completed' || state === 'failed';
}

/** There is something left to be watched. */
export function atWork(shown: readonly ShownStatus[]): boolean {
  return shown.some(({ state }) => state === 'waiting' || state === 'running' || state === 'broken');
}

export function statusSheet(shown: readonly ShownStatus[], now: number): string {
  if (shown.length === 0) return 'no post-copy is, or was, at work here';
  return shown.map((status) => sheet(rowsOf(status, now))).join('\n');
}

const WHAT: Readonly<Record<Stage3Status['role'], string>> = {
  pager: 'runs here, its missing pages are fetched (pager)',
  'page-server': 'ran here, its pages are fetched from here (page-server)',
};

function rowsOf(status: ShownStatus, now: number): [string, string][] {
  const { name, domid, role, state, pid, reason, missing, missingAtStart, startedAt } = status;
  const { faults, faultLatencyMs, blockedMs, reconnects } = status;
  const rows: [string, string][] = [
    ['domain', `${name} (${domid})`],
    ['', WHAT[role]],
    ['state', state === 'died' ? `died: process ${pid} is gone` : state],
  ];
  if (reason !== undefined) rows.push(['why', reason]);
  const left = role === 'pager' ? 'pages missing' : 'pages not sent';
  rows.push([left, `${formatCount(missing)} of ${formatCount(missingAtStart)}`]);
  if (faults !== undefined) rows.push(['faults', formatCount(faults)]);
  if (faultLatencyMs)
    rows.push(['fault latency p50 / p99', [faultLatencyMs.p50, faultLatencyMs.p99].map(formatMs).join(' / ')]);
  if (blockedMs) rows.push(['vCPUs blocked', blockedMs.map((ms, vcpu) => `${vcpu}: ${formatMs(ms)}`).join(', ')]);
  if (reconnects !== undefined) rows.push(['reconnects', String(reconnects)]);
  rows.push(['since', `${new Date(startedAt).toISOString()}, ${formatMs(Math.max(0, now - startedAt))} ago`]);
  return rows;
}

function sheet(rows: [string, string][]): string {
  const grid = new Table({ style: { head: [], border: [] } });
  grid.push(...rows);
  return grid.toString();
}
