/** One busy domain, moved again and again: nothing is left over, nothing adds up. */
import type { Bench, Step } from '../run/step.js';
import { BUSY_SMALL, Guest } from './support/guest.js';
import { migrate } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';

const TIMES = 20;

export const backAndForthStep: Step = {
  name: `${TIMES} migrations of one busy pvh domain in a row`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: 'endurance',
  timeoutS: 1200,
  expectedS: 400,
  run: moveAgainAndAgain,
};

async function moveAgainAndAgain(bench: Bench): Promise<void> {
  const { dom0, dom0s } = bench;
  const guest = await Guest.create(dom0s, 'pvh', { pattern: BUSY_SMALL });
  const before = await freeMemoryMb(bench);
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    times.push(await migrate(bench, { guest, source: 'ours', target: 'ours' }));
    await guest.assertRuns();
  }
  times.sort((a, b) => a - b);
  bench.note(`median ${times[TIMES / 2].toFixed(1)} s, longest ${times[TIMES - 1].toFixed(1)} s`);
  await assertNothingLeft(dom0);
  // A page that anybody still maps would keep the domain that it came from, and with it its memory.
  const lost = before - (await freeMemoryMb(bench));
  if (lost > 8) throw new Error(`Xen has ${lost} MB less free memory than before`);
  bench.note(`free memory of Xen: ${lost} MB less than before`);
  await guest.destroy();
}

async function freeMemoryMb({ dom0 }: Bench): Promise<number> {
  return Number(/^free_memory\s*: (\d+)/m.exec(await dom0.run('xl info'))?.[1]);
}
