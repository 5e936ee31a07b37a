/** `xenferry doctor` says of each flavour what it is. */
import { FLAVOUR_NAMES } from '../flavours.js';
import type { Bench, Step } from '../run/step.js';
import { XENFERRY } from './support/helper.js';

interface Document {
  readonly ready: boolean;
  readonly findings: readonly { readonly id: string; readonly answer: string; readonly found: string }[];
}

export const doctorSteps: readonly Step[] = FLAVOUR_NAMES.map((flavour) => ({
  name: 'doctor',
  flavour,
  hosts: 1,
  timeoutS: 180,
  run: examine,
}));

async function examine({ dom0, flavour, ...bench }: Bench): Promise<void> {
  const { output } = await dom0.exec(`${XENFERRY} doctor --json`, { timeoutS: 150 });
  bench.log(output);
  const { ready, findings } = JSON.parse(output) as Document;
  const yesIf = (able: boolean) => (able ? 'yes' : 'no');
  const expected: Record<string, string> = {
    version: 'yes',
    libraries: 'yes',
    helper: 'yes',
    hap: 'yes',
    shadow: yesIf(flavour.shadowPaging),
    'logdirty-hvm': 'yes',
    'logdirty-pv': yesIf(flavour.shadowPaging),
    paging: yesIf(flavour.memPaging),
  };
  for (const [id, answer] of Object.entries(expected)) {
    const finding = findings.find((one) => one.id === id);
    const detail = JSON.stringify(finding);
    bench.result({ name: `doctor says ${answer} of ${id}`, ok: finding?.answer === answer, detail });
  }
  const version = findings.find(({ id }) => id === 'version')?.found ?? '';
  bench.result({ name: `it is Xen ${flavour.xenVersion}`, ok: version.includes(flavour.xenVersion), detail: version });
  bench.result({ name: 'domains can be migrated from here', ok: ready, detail: output });
}
