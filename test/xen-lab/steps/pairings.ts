/** `xl migrate` with the stock helper and ours at either end: the guest goes on, and has lost nothing. */
import type { FlavourName } from '../flavours.js';
import type { Bench, Step } from '../run/step.js';
import { Guest, type GuestType } from './support/guest.js';
import { type Helper, migrate, PAIRINGS } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';

/** Whether the lab itself can do it is seen first. */
const WITH_STOCK: readonly (readonly [Helper, Helper])[] = [['stock', 'stock'], ...PAIRINGS];

/** A Xen without shadow paging migrates no PV domain, whoever asks. */
const TYPES: Record<FlavourName, readonly GuestType[]> = {
  debian12: ['pvh'],
  'debian12-full': ['pvh', 'pv'],
  debian13: ['pvh'],
};

export const pairingSteps: readonly Step[] = Object.entries(TYPES).flatMap(([flavour, types]) =>
  types.flatMap((type) =>
    WITH_STOCK.map(
      ([source, target]): Step => ({
        name: `xl migrate ${type} ${source} → ${target}`,
        flavour: flavour as FlavourName,
        hosts: 1,
        timeoutS: 400,
        run: (bench) => migrateOnce(bench, type, source, target),
      }),
    ),
  ),
);

async function migrateOnce(bench: Bench, type: GuestType, source: Helper, target: Helper): Promise<void> {
  const { dom0, dom0s } = bench;
  const guest = await Guest.create(dom0s, type);
  await guest.assertRuns();
  const seconds = await migrate(bench, { guest, source, target });
  const { suspensions } = await guest.assertRuns();
  const downtime = suspensions.map(({ gapMs }) => `${gapMs.toFixed(0)} ms`).join(', ');
  bench.note(`${seconds.toFixed(1)} s in all; by its own clock the guest stood still for ${downtime || '(not said)'}`);
  await assertNothingLeft(dom0);
  await guest.destroy();
}
