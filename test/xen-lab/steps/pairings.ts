/** `xl migrate` with the stock helper and ours at either end: the guest goes on, and has lost nothing. */
import type { FlavourName } from '../flavours.js';
import type { Bench, Step } from '../run/step.js';
import { Guest, type GuestType } from './support/guest.js';
import { type Helper, migrate, PAIRINGS } from './support/helper.js';
import { assertNothingLeft } from './support/leftovers.js';

type Pairing = readonly [Helper, Helper];

/** Where all are tried, whether the lab itself can do it is seen first. */
const ALL: readonly Pairing[] = [['stock', 'stock'], ...PAIRINGS];
/** A Xen as shipped: our restore and our save, each once at least. */
const AS_SHIPPED: readonly Pairing[] = [
  ['stock', 'ours'],
  ['ours', 'ours'],
];

/** A Xen without shadow paging migrates no PV domain, whoever asks. */
const TRIED: Record<FlavourName, { readonly types: readonly GuestType[]; readonly pairings: readonly Pairing[] }> = {
  debian12: { types: ['pvh'], pairings: AS_SHIPPED },
  'debian12-full': { types: ['pvh', 'pv'], pairings: ALL },
  debian13: { types: ['pvh'], pairings: AS_SHIPPED },
};

export const pairingSteps: readonly Step[] = Object.entries(TRIED).flatMap(([flavour, { types, pairings }]) =>
  types.flatMap((type) =>
    pairings.map(
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
