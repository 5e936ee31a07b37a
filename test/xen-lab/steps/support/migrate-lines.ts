/** What `xenferry migrate --json` says: a line for each event, and the report as the last. */
import type { MigrationLine } from '../../../../src/host/api.js';
import type { MigrationReport } from '../../../../src/migrate/report.js';

/** The report of a migration that went well. Throws where a line is no JSON, the report is not that, or no ETA was ever given. */
export function reportIn(output: string): MigrationReport {
  const lines = output
    .split('\n')
    .filter((line) => line !== '')
    .map(parse);
  const last = lines.at(-1);
  if (last?.type !== 'report') throw new Error(`the last line is no report but ${JSON.stringify(last)}`);
  const { report } = last;
  if (report.state !== 'completed') throw new Error(`the report says that the migration is ${report.state}`);
  for (const name of ['pagesSent', 'bytesSent', 'downtimeMs', 'totalMs'] as const)
    if (!(report[name] > 0)) throw new Error(`the report says ${name}: ${report[name]}`);
  const etas = lines.map((line) => (line.type === 'progress' ? line.progress.etaMs : undefined));
  if (!etas.some((eta) => eta !== undefined)) throw new Error('no line of progress has an etaMs');
  return report;
}

function parse(line: string): MigrationLine {
  try {
    return JSON.parse(line) as MigrationLine;
  } catch {
    throw new Error(`no JSON: ${line}`);
  }
}
