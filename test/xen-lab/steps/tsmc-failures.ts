/** What can go wrong in three-stage memory copy, on one host: where the domain can be saved it is, and where not, that is told. */
import type { Bench, Step } from '../run/step.js';
import { BUSY_SMALL, Guest } from './support/guest.js';
import { tryMigrate, using } from './support/helper.js';
import { assertNothingLeft, running } from './support/leftovers.js';
import { begin, said, statusOf, until, untilEnded, untilMissing, untilState } from './support/stage3.js';

interface Case {
  readonly name: string;
  /** Resolves to whether the guest is still there. */
  provoke(bench: Bench, guest: Guest): Promise<'runs' | 'gone'>;
}

/** Precopy's part is slow too, so that there is a first stage to disturb. */
const ALL_SLOW = {
  XENFERRY_STRATEGY: 'tsmc',
  XENFERRY_BANDWIDTH: String(4 << 20),
  XENFERRY_POSTCOPY_BANDWIDTH: String(512 << 10),
};
/** libxl's sending side. The brackets keep it from finding the shell that looks. */
const KILL_XL = "pkill -KILL -f '[x]l migrate -s'";

const CASES: readonly Case[] = [
  {
    name: 'a second migration of a domain that misses pages',
    async provoke(bench, guest) {
      await migrateButForPages(bench, guest);
      const { code, output } = await tryMigrate(bench, { guest, source: 'ours', target: 'ours' });
      assertRefused(code, output);
      return completed(bench);
    },
  },
  {
    name: 'xl save of a domain that misses pages',
    async provoke(bench, guest) {
      await migrateButForPages(bench, guest);
      const { code, output } = await bench.dom0.exec(`${using('ours')} xl save ${guest.name} /var/tmp/xen-lab/image`);
      bench.log(output);
      assertRefused(code, output);
      return completed(bench);
    },
  },
  {
    name: 'xl destroy of a domain that misses pages',
    async provoke(bench, guest) {
      await migrateButForPages(bench, guest);
      await bench.dom0.run(`xl destroy ${guest.name}`);
      const { state } = await untilEnded(bench);
      if (state !== 'completed') throw new Error(`the pager of a destroyed domain says that it has ${state}`);
      return 'gone';
    },
  },
  {
    name: 'the pager is killed',
    async provoke(bench, guest) {
      await begin(bench, { guest });
      const { pid } = await untilMissing(bench);
      await bench.dom0.run(`kill -KILL ${pid}`);
      const { state, reason } = await untilEnded(bench);
      if (state !== 'failed' || !/has been destroyed: its pager was killed/.test(reason ?? ''))
        throw new Error(`the pager has ${state}: ${reason}`);
      // It waits five minutes for the destination to come back.
      await untilEnded(bench, bench.dom0, 'page-server');
      return 'gone';
    },
  },
  {
    name: 'the page server is killed',
    async provoke(bench, guest) {
      await begin(bench, { guest });
      await untilMissing(bench);
      const server = await until(bench, 'there is a page server', () => statusOf(bench.dom0, 'page-server'));
      await bench.dom0.run(`kill -KILL ${server.pid}`);
      const { state, reason } = await untilEnded(bench);
      if (state !== 'failed' || !/has been destroyed: .*misses \d+ pages/.test(reason ?? ''))
        throw new Error(`the pager has ${state}: ${reason}`);
      return 'gone';
    },
  },
  {
    name: 'xl is killed at the source, in the first stage',
    async provoke(bench, guest) {
      await begin(bench, { guest, environment: ALL_SLOW });
      await untilState(bench, 'stage1');
      await bench.dom0.run(KILL_XL);
      return 'runs';
    },
  },
  {
    name: 'xl is killed at the source, when the guest has been stopped',
    async provoke(bench, guest) {
      await begin(bench, { guest });
      await bench.dom0.run(
        `until grep -q '"to":"stopped"' /var/tmp/xen-lab/events; do sleep 0.01; done; sleep 0.1; ${KILL_XL}`,
      );
      await until(bench, 'one domain runs', async () => (await copiesOf(bench, guest)) === 1);
      return 'runs';
    },
  },
  {
    name: 'xl is killed at the source, in the third stage',
    async provoke(bench, guest) {
      await begin(bench, { guest });
      await untilMissing(bench);
      await bench.dom0.run(`${KILL_XL}; true`);
      return completed(bench);
    },
  },
  {
    name: 'the host is out of memory when pages come',
    async provoke(bench, guest) {
      await migrateButForPages(bench, guest);
      const free = /free_memory\s*:\s*(\d+)/.exec(await bench.dom0.run('xl info'))?.[1];
      // What is missing at the guest is free, until another has it.
      const hog = await bench.dom0.exec(`node /xenferry/dist/test/xen-lab/inside/hog.js ${free} 10`);
      bench.log(hog.output);
      if (hog.code !== 0) throw new Error('the memory could not be taken');
      bench.note(`memory: ${hog.output.trim()}`);
      return completed(bench);
    },
  },
];

export const tsmcFailureSteps: readonly Step[] = CASES.map((one) => ({
  name: `three-stage memory copy goes wrong: ${one.name}`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: 'failures',
  extended: true,
  timeoutS: 900,
  run: (bench) => suffer(bench, one),
}));

async function suffer(bench: Bench, { provoke }: Case): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { pattern: BUSY_SMALL });
  try {
    const fate = await provoke(bench, guest);
    if (fate === 'runs') await guest.assertRuns();
    else await until(bench, 'the domain is gone', async () => (await copiesOf(bench, guest)) === 0);
    if (fate === 'runs') await guest.destroy();
    await assertNothingLeft(bench.dom0);
  } catch (error) {
    bench.log(await said(bench.dom0));
    throw error;
  }
}

/** Domains that are, or are to become, the guest. */
async function copiesOf({ dom0 }: Bench, guest: Guest): Promise<number> {
  return (await running(dom0)).filter(({ name }) => name.startsWith(guest.name)).length;
}

/** It runs, xl has done its part, and pages are missing. */
async function migrateButForPages(bench: Bench, guest: Guest): Promise<void> {
  await begin(bench, { guest });
  await untilMissing(bench);
  await until(bench, 'xl ends', async () => (await said(bench.dom0)).includes('xl has ended with 0'));
}

async function completed(bench: Bench): Promise<'runs'> {
  const { state, reason } = await untilEnded(bench);
  if (state !== 'completed') throw new Error(`the pager has ${state}: ${reason}`);
  return 'runs';
}

function assertRefused(code: number, output: string): void {
  if (code === 0) throw new Error('it was not refused');
  if (!/INVALID_STATE.*misses \d+ pages/.test(output)) throw new Error(`it does not say why:\n${output.slice(-1500)}`);
}
