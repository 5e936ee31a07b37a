/** `xl save` and `xl restore` with the stock helper and ours; what ours saved is judged by Xen's verify-stream-v2. */
import type { Bench, Step } from '../run/step.js';
import { Guest, type GuestType } from './support/guest.js';
import { type Helper, PAIRINGS, using } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';
import { verifyImage } from './support/verify-stream.js';

const IMAGE = '/var/tmp/xen-lab/image';

export const saveRestoreSteps: readonly Step[] = (['pvh', 'pv'] as const).flatMap((type) =>
  PAIRINGS.map(
    ([saver, restorer]): Step => ({
      name: `xl save, xl restore ${type} ${saver} → ${restorer}`,
      flavour: 'debian12-full',
      hosts: 1,
      timeoutS: 500,
      run: (bench) => saveAndRestore(bench, type, saver, restorer),
    }),
  ),
);

async function saveAndRestore(bench: Bench, type: GuestType, saver: Helper, restorer: Helper): Promise<void> {
  const { dom0, dom0s } = bench;
  const guest = await Guest.create(dom0s, type);
  await guest.assertRuns();
  bench.log(await dom0.run(`mkdir -p /var/tmp/xen-lab; ${using(saver)} xl save ${guest.name} ${IMAGE}`));
  if (saver === 'ours') await verifyImage(bench, IMAGE);
  bench.log(await dom0.run(`${using(restorer)} xl restore ${IMAGE}`));
  await guest.assertRuns();
  await assertNothingLeft(dom0);
  await guest.destroy();
}
