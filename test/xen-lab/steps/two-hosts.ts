/** From one dom0 to another and back, through ssh: by xl, and by `xenferry migrate`. */
import type { Bench, Step } from '../run/step.js';
import { Guest, type GuestType } from './support/guest.js';
import { migrate, XENFERRY } from './support/helper.js';
import { assertNothingLeft, running } from './support/leftovers.js';
import { reportIn } from './support/migrate-lines.js';

const MIGRATE = `${XENFERRY} migrate --backend xen --strategy precopy`;
/** Apart from the documents on its standard output, every line of which is parsed. */
const MESSAGES = '/tmp/xenferry-migrate.messages';

export const twoHostSteps: readonly Step[] = (['pvh', 'pv'] as const).map((type) => ({
  name: `two hosts: ${type} there by xl migrate, and back by xenferry migrate`,
  flavour: 'debian12-full',
  hosts: 2,
  timeoutS: 700,
  run: (bench) => thereAndBack(bench, type),
}));

async function thereAndBack(bench: Bench, type: GuestType): Promise<void> {
  const [here, there] = bench.dom0s;
  const guest = await Guest.create(bench.dom0s, type);
  await guest.assertRuns();

  const byXl = await migrate(bench, { guest, source: 'ours', target: 'ours', rune: `ssh ${there.name}` });
  bench.note(`xl migrate: ${byXl.toFixed(1)} s`);
  await guest.assertRuns();
  await assertIsOnlyOn(guest, there, here);

  const begun = performance.now();
  const command = `${MIGRATE} ${guest.name} ${here.name} --json`;
  const { code, output } = await there.exec(`${command} 2>${MESSAGES}`, { timeoutS: 300 });
  bench.log(`$ ${command}\n${output}${await there.run(`cat ${MESSAGES}; rm ${MESSAGES}`)}`);
  if (code !== 0) throw new Error(`xenferry migrate ended with ${code}`);
  const { downtimeMs, pagesSent, bytesSent } = reportIn(output);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  bench.note(
    `xenferry migrate: ${seconds} s, downtime ${downtimeMs.toFixed(0)} ms, ${pagesSent} pages, ${bytesSent} bytes`,
  );
  await guest.assertRuns();
  await assertIsOnlyOn(guest, here, there);

  for (const dom0 of bench.dom0s) await assertNothingLeft(dom0);
  await guest.destroy();
}

async function assertIsOnlyOn(guest: Guest, on: Bench['dom0'], off: Bench['dom0']): Promise<void> {
  const names = async (dom0: Bench['dom0']) => (await running(dom0)).map(({ name }) => name);
  if (!(await names(on)).includes(guest.name)) throw new Error(`${guest.name} is not on ${on.name}`);
  if ((await names(off)).includes(guest.name)) throw new Error(`${guest.name} is still on ${off.name}`);
}
