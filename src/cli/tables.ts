/** Results for people. */
import Table from 'cli-table3';
import type { DomainView, HostView, MigrationView } from '../host/api.js';
import type { MigrationReport } from '../migrate/report.js';
import { formatCount, formatMs, formatSize } from './units.js';

const PAGE_SIZE = 4096;

export function domainTable(domains: readonly DomainView[]): string {
  if (domains.length === 0) return 'no domains';
  const rows = domains.map((domain) => [
    ...[String(domain.domid), domain.name, stateText(domain), formatSize(domain.maxPages * PAGE_SIZE)],
    ...[String(domain.vcpus), `${domain.guestType}/${domain.pagingMode}`],
  ]);
  return table(['domid', 'name', 'state', 'memory', 'vcpus', 'kind'], rows);
}

export function domainSheet(domain: DomainView): string {
  const rows: [string, string][] = [
    ['domid', String(domain.domid)],
    ['name', domain.name],
    ['state', stateText(domain)],
    ['memory', formatSize(domain.maxPages * PAGE_SIZE)],
    ['populated', formatSize(domain.populatedPages * PAGE_SIZE)],
    ['still to arrive', formatSize(domain.pagedPages * PAGE_SIZE)],
    ['vcpus', String(domain.vcpus)],
    ['kind', `${domain.guestType}, ${domain.pagingMode} paging`],
  ];
  if (domain.config) rows.push(['guest', JSON.stringify(domain.config.guest)]);
  if (domain.migration) rows.push(['migration', domain.migration]);
  return sheet(rows);
}

export function hostSheet(host: HostView): string {
  const about = sheet([
    ['host', host.name],
    ['version', host.version],
    ['pid', String(host.pid)],
    ['backend', host.backend],
    ['demand paging', host.demandPaging ? 'yes' : 'no'],
    ['TLS', host.secure ? 'yes' : 'no'],
    ['domains', String(host.domains)],
    ['memory', formatSize(host.memoryBytes)],
    ['memory free', formatSize(host.freeBytes)],
  ]);
  return host.migrations.length === 0 ? about : `${about}\n${migrationTable(host.migrations)}`;
}

function migrationTable(migrations: readonly MigrationView[]): string {
  const rows = migrations.map(({ id, direction, domain, peer, state, error }) => [
    id,
    direction,
    domain,
    peer,
    state,
    error?.message ?? '',
  ]);
  return table(['id', 'way', 'domain', 'other host', 'state', 'error'], rows);
}

/** The summary of one migration. */
export function reportSheet(report: MigrationReport): string {
  const rows: [string, string][] = [
    ['strategy', report.strategy],
    ['total time', formatMs(report.totalMs)],
    ['downtime', formatMs(report.downtimeMs)],
    ['pages sent', formatCount(report.pagesSent)],
    ['pages sent as a type only', formatCount(report.elidedPages)],
    ['data sent', formatSize(report.bytesSent)],
    ['rounds', `${report.rounds.length} (${report.stopReason})`],
    ['most sends of one page', String(report.maxSendsPerPage)],
  ];
  if (report.stage3) rows.push(...stage3Rows(report.stage3));
  return sheet(rows);
}

function stage3Rows(stage3: NonNullable<MigrationReport['stage3']>): [string, string][] {
  const { demandPages, prepullPages, pushPages, droppedPages, faultLatencyMs } = stage3;
  return [
    ['stage 3', formatMs(stage3.ms)],
    ['pages missing at resume', formatCount(stage3.missingPages)],
    ['… by demand / prepull / push', [demandPages, prepullPages, pushPages].map(formatCount).join(' / ')],
    ['… given away by the guest', formatCount(droppedPages)],
    ['faults', formatCount(stage3.faults)],
    [
      'fault latency p50 / p99 / max',
      [faultLatencyMs.p50, faultLatencyMs.p99, faultLatencyMs.max].map(formatMs).join(' / '),
    ],
    ['vCPUs blocked', formatMs(stage3.blockedMs.reduce((sum, ms) => sum + ms, 0))],
    ['reconnects', String(stage3.reconnects)],
  ];
}

function stateText({ state, pagedPages }: DomainView): string {
  return state === 'broken' ? `broken (${formatCount(pagedPages)} pages missing)` : state;
}

function table(head: string[], rows: string[][]): string {
  const grid = new Table({ head, style: { head: [], border: [] } });
  grid.push(...rows);
  return grid.toString();
}

function sheet(rows: [string, string][]): string {
  const grid = new Table({ style: { head: [], border: [] } });
  grid.push(...rows);
  return grid.toString();
}
