/** The conformance suite for backends, on real domains. */
import type { Bench, Step } from '../run/step.js';
import type { GuestType } from './support/guest.js';

const MAIN = '/xenferry/dist/test/xen-lab/conformance/main.js';

interface Summary {
  readonly skipped: number;
  readonly tests: readonly {
    readonly name: string;
    readonly kind: 'ok' | 'FAIL' | 'skip';
    readonly seconds: number;
    readonly why?: string;
  }[];
}

export const conformanceSteps: readonly Step[] = (['pvh', 'pv'] as const).map((type) => ({
  name: `conformance ${type}`,
  flavour: 'debian12-full',
  hosts: 1,
  lane: `conformance ${type}`,
  timeoutS: 1500,
  run: (bench) => conformance(bench, type),
}));

async function conformance(bench: Bench, type: GuestType): Promise<void> {
  const { code, output } = await bench.dom0.exec(`node ${MAIN} ${type}`, { timeoutS: 1470 });
  bench.log(output);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`the suite ended with ${code} and without its summary`);
  const { tests, skipped } = JSON.parse(last) as Summary;
  for (const { name, kind, seconds, why } of tests)
    if (kind !== 'skip') bench.result({ name: `${type}: ${name}`, ok: kind === 'ok', seconds, detail: why });
  if (skipped > 0) {
    bench.note(`${skipped} skipped:`);
    for (const { name, kind } of tests) if (kind === 'skip') bench.note(`  ${name}`);
  }
}
