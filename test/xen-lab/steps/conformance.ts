/** The conformance suite for backends, on real domains. */
import type { Bench, Step } from '../run/step.js';
import type { GuestType } from './support/guest.js';
import { summaryIn } from './support/suite-summary.js';

const MAIN = '/xenferry/dist/test/xen-lab/conformance/main.js';

export const conformanceSteps: readonly Step[] = (
  [
    ['pvh', 620],
    ['pv', 150],
  ] as const
).map(([type, expectedS]) => ({
  name: `conformance ${type}`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: `conformance ${type}`,
  timeoutS: 1500,
  expectedS,
  run: (bench) => conformance(bench, type),
}));

async function conformance(bench: Bench, type: GuestType): Promise<void> {
  const { dom0, log } = bench;
  const { code, output } = await dom0.exec(`node ${MAIN} ${type}`, { timeoutS: 1470, onOutput: log });
  const { tests, skipped } = summaryIn(code, output);
  for (const { name, kind, seconds, why } of tests)
    if (kind !== 'skip') bench.result({ name: `${type}: ${name}`, ok: kind === 'ok', seconds, detail: why });
  if (skipped > 0) {
    bench.note(`${skipped} skipped:`);
    for (const { name, kind } of tests) if (kind === 'skip') bench.note(`  ${name}`);
  }
}
