/** `xl migrate` with its own helper at both ends, and with ours, in turns in one boot: total time and downtime. */
import type { Bench, Step } from '../run/step.js';
import { BUSY, Guest, IDLE } from './support/guest.js';
import { type Helper, migrate } from './support/helper.js';

const TURNS = 3;

interface Figures {
  readonly seconds: number[];
  /** By the guest's own clock. */
  readonly downtimeMs: number[];
}

export const sideBySideSteps: readonly Step[] = Object.entries({ idle: IDLE, busy: BUSY }).map(([load, pattern]) => ({
  name: `side by side: ${load} pvh domain of 256 MB, both helpers stock, both ours`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: 'endurance',
  timeoutS: 900,
  run: (bench) => compare(bench, pattern),
}));

async function compare(bench: Bench, pattern: string): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh', { memoryMb: 256, pattern });
  const figures: Record<Helper, Figures> = { stock: none(), ours: none() };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const helper of ['stock', 'ours'] as const) await measure(bench, guest, helper, figures[helper]);
  }
  for (const [helper, { seconds, downtimeMs }] of Object.entries(figures))
    bench.note(`${helper}: median ${median(seconds).toFixed(1)} s, downtime ${median(downtimeMs).toFixed(0)} ms`);
  const ratio = (of: (figures: Figures) => number[]) => median(of(figures.ours)) / median(of(figures.stock));
  const time = ratio(({ seconds }) => seconds);
  const downtime = ratio(({ downtimeMs }) => downtimeMs);
  bench.note(`ours is ${time.toFixed(2)} of stock in time, ${downtime.toFixed(2)} in downtime`);
  await guest.destroy();
}

async function measure(bench: Bench, guest: Guest, helper: Helper, { seconds, downtimeMs }: Figures): Promise<void> {
  const before = (await guest.told()).suspensions.length;
  seconds.push(await migrate(bench, { guest, source: helper, target: helper }));
  const { suspensions } = await guest.assertRuns();
  const gaps = suspensions.slice(before).map(({ gapMs }) => gapMs);
  if (gaps.length !== 1) throw new Error(`the guest tells of ${gaps.length} suspensions for one migration`);
  downtimeMs.push(gaps[0]);
}

function none(): Figures {
  return { seconds: [], downtimeMs: [] };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
