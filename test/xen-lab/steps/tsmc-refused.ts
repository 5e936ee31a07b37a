/** What three-stage memory copy is refused for, before anything is touched; and that `auto` then takes precopy, and says why. */
import type { FlavourName } from '../flavours.js';
import type { Bench, Step } from '../run/step.js';
import { type Dom0, quoted } from '../vm/dom0.js';
import { Guest, type GuestType } from './support/guest.js';
import { XENFERRY } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';

const BACK_HERE = "--backend xen --receive-command 'xl migrate-receive'";

interface Case {
  readonly name: string;
  readonly type: GuestType;
  readonly settings: readonly string[];
  readonly options?: string;
  /** Why, and what to do. */
  readonly says: RegExp;
}

const PLAIN: Omit<Case, 'name' | 'says'> = { type: 'pvh', settings: [] };

const CASES: Readonly<Partial<Record<FlavourName, readonly Case[]>>> = {
  'debian12-full': [
    { name: 'a PV domain', type: 'pv', settings: [], says: /is a PV domain.*use --strategy precopy/s },
    {
      name: 'shadow page tables',
      type: 'pvh',
      settings: ['hap=0'],
      says: /runs on shadow page tables.*without hap=0/s,
    },
    {
      name: 'memory that is populated on demand',
      type: 'pvh',
      settings: ['memory=64', 'maxmem=96'],
      says: /a maxmem of 96 MiB.*xl mem-set \S+ 96m/s,
    },
    { name: 'a receiver that is not ours', ...PLAIN, options: '--stock-receiver', says: /libxl’s own helper receives/ },
  ],
  debian12: [{ name: 'a Xen without memory paging', ...PLAIN, says: /no memory paging.*CONFIG_MEM_PAGING=y/s }],
};

export const tsmcRefusedSteps: readonly Step[] = (Object.keys(CASES) as FlavourName[]).map((flavour) => ({
  name: 'three-stage memory copy: what it is refused for',
  flavour,
  hosts: 1,
  timeoutS: 400,
  run: (bench) => refuseAll(bench, CASES[flavour] ?? []),
}));

async function refuseAll(bench: Bench, cases: readonly Case[]): Promise<void> {
  for (const one of cases) {
    const begun = performance.now();
    const detail = await refuse(bench, one).catch((error: Error) => error.message);
    bench.result({ name: one.name, ok: detail === undefined, seconds: (performance.now() - begun) / 1000, detail });
  }
  await assertNothingLeft(bench.dom0);
  await takesPrecopy(bench);
}

/** The domain is never started: it is looked at, and that is all. */
async function refuse({ dom0, log }: Bench, { type, settings, options = '', says }: Case): Promise<undefined> {
  const all = [...settings, 'name="refused"'].map(quoted).join(' ');
  await dom0.run(`xl create -q -p /guest/${type}.cfg ${all}`);
  try {
    const before = await stateOf(dom0);
    const { code, output } = await dom0.exec(
      `${XENFERRY} migrate refused here --strategy tsmc ${BACK_HERE} ${options}`,
    );
    log(output);
    if (code === 0 || !says.test(output)) throw new Error(`status ${code}, and it says:\n${output}`);
    if ((await stateOf(dom0)) !== before) throw new Error('the domain has been touched');
  } finally {
    await dom0.run('xl destroy refused');
  }
}

function stateOf(dom0: Dom0): Promise<string> {
  return dom0.run("xl list refused | awk 'NR == 2 { print $2, $3, $5 }'");
}

async function takesPrecopy(bench: Bench): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh');
  const command = `${XENFERRY} migrate ${guest.name} here --strategy auto --verbose ${BACK_HERE}`;
  const { code, output } = await bench.dom0.exec(command, { timeoutS: 200 });
  bench.log(`$ ${command}\n${output}`);
  if (code !== 0 || !/precopy: /.test(output)) throw new Error(`status ${code}, and it says:\n${output}`);
  await guest.assertRuns();
  await guest.destroy();
  await assertNothingLeft(bench.dom0);
}
