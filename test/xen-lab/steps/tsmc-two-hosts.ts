/** Three-stage memory copy from one dom0 to another, by `xenferry migrate`; and with the network gone in its midst. */
import type { Bench, Step } from '../run/step.js';
import { BUSY_SMALL, Guest } from './support/guest.js';
import { XENFERRY } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';
import { reportIn } from './support/migrate-lines.js';
import { begin, SLOW_PAGES, untilEnded, untilMissing } from './support/stage3.js';
import { inARow, ROW } from './tsmc.js';

const MIGRATE = `${XENFERRY} migrate --backend xen --strategy tsmc --json`;
/** Apart from the documents on its standard output, every line of which is parsed. */
const MESSAGES = '/tmp/xenferry-migrate.messages';
const CUT_S = 30;

export const tsmcTwoHostSteps: readonly Step[] = [
  {
    name: 'three-stage memory copy between two hosts: there and back by xenferry migrate',
    flavour: 'debian12-full',
    hosts: 2,
    extended: true,
    timeoutS: 700,
    run: thereAndBack,
  },
  {
    name: `three-stage memory copy between two hosts: ${ROW} in a row`,
    flavour: 'debian12-full',
    hosts: 2,
    extended: true,
    timeoutS: 100 * ROW,
    run: (bench) => inARow(bench, bench.dom0s),
  },
  {
    name: `three-stage memory copy between two hosts: the network is gone for ${CUT_S} s`,
    flavour: 'debian12-full',
    hosts: 2,
    extended: true,
    timeoutS: 700,
    run: cutAndBack,
  },
];

async function thereAndBack(bench: Bench): Promise<void> {
  const [here, there] = bench.dom0s;
  const guest = await Guest.create(bench.dom0s, 'pvh', { pattern: BUSY_SMALL });
  for (const [from, to] of [
    [here, there],
    [there, here],
  ]) {
    const command = `${MIGRATE} ${guest.name} ${to.name}`;
    const { code, output } = await from.exec(`${command} 2>${MESSAGES}`, { timeoutS: 300 });
    bench.log(`$ ${command}\n${output}${await from.run(`cat ${MESSAGES}; rm ${MESSAGES}`)}`);
    if (code !== 0) throw new Error(`xenferry migrate ended with ${code}`);
    const { totalMs, downtimeMs, pagesSent, maxSendsPerPage, stage3 } = reportIn(output);
    if (!stage3 || stage3.missingPages === 0) throw new Error('there was no third stage');
    if (maxSendsPerPage > 2) throw new Error(`a page was sent ${maxSendsPerPage} times`);
    const { missingPages, faults } = stage3;
    bench.note(
      `${(totalMs / 1000).toFixed(1)} s, downtime ${downtimeMs.toFixed(0)} ms, ${pagesSent} pages, ${missingPages} missing, ${faults} faults`,
    );
    await guest.assertRuns();
  }
  for (const dom0 of bench.dom0s) await assertNothingLeft(dom0);
  await guest.destroy();
}

async function cutAndBack(bench: Bench): Promise<void> {
  const [, there] = bench.dom0s;
  const guest = await Guest.create(bench.dom0s, 'pvh', { pattern: BUSY_SMALL });
  const environment = { ...SLOW_PAGES, XENFERRY_RETURN_SSH: `ssh ${there.name}` };
  await begin(bench, { guest, rune: `ssh ${there.name}`, environment });
  const before = await untilMissing(bench, there);
  await there.run(`ip link set eth1 down; sleep ${CUT_S}; ip link set eth1 up`);
  const { state, reason, reconnects } = await untilEnded(bench, there);
  if (state !== 'completed') throw new Error(`the pager has ${state}: ${reason}`);
  if (reconnects === 0) throw new Error('the connection was never made anew');
  bench.note(`${before.missing} pages were missing at the cut; ${reconnects} connections made anew`);
  await guest.assertRuns();
  for (const dom0 of bench.dom0s) await assertNothingLeft(dom0);
  await guest.destroy();
}
