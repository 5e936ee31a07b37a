/** A diagnosis for people: a table, then what to do, then what it comes to. */
import Table from 'cli-table3';
import type { Diagnosis, Finding } from '../libxl/doctor/index.js';

export function diagnosisSheet(diagnosis: Diagnosis): string {
  const rows = diagnosis.findings.map(({ what, answer, found }) => [what, answer, found]);
  return [compact(rows), ...remedies(diagnosis), '', ...conclusion(diagnosis)].join('\n');
}

/** One line a row: it is to be seen as a whole. */
function compact(rows: string[][]): string {
  const none = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const grid = new Table({ style: { head: [], border: [] }, chars: none });
  grid.push(...rows);
  return grid.toString();
}

function remedies({ findings, backend }: Diagnosis): string[] {
  const mark = ({ needed }: Finding): string => (needed && backend === 'xen' ? ' (needed)' : '');
  const open = findings.filter(({ remedy }) => remedy !== undefined);
  if (open.length === 0) return [];
  return ['', 'What to do:', ...open.map((finding) => `- ${finding.what}${mark(finding)}: ${finding.remedy}`)];
}

function conclusion({ backend, ready, live }: Diagnosis): string[] {
  if (backend === 'emulated')
    return [
      'No domain of Xen’s can be migrated here. What runs here, as on any laptop, is the emulated backend: see it with',
      '  xenferry demo',
    ];
  if (!ready) return ['Xen is here, but no domain can be migrated before what is marked "needed" above is there.'];
  const pv =
    live.pv === 'yes' ? 'PV, PVH and HVM domains' : 'PVH and HVM domains (PV domains only by save and restore)';
  return [`This dom0 can migrate ${pv}, live:`, '  xenferry migrate DOMAIN HOST'];
}
