/**
 * Runs the conformance suite in dom0, on domains of one type: a line a test, and as the last line of stdout the summary as JSON.
 *
 *     node dist/test/xen-lab/conformance/main.js pvh|pv [--guests DIR] [--only TEXT]
 *
 * --guests: where build.sh has put the guest (default /guest). --only: tests whose title holds this text.
 * Exit status: 0 all passed, 1 some failed, 2 bad usage.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hypercallBuffersOpen, mappingsOpen, pagingRoomsOpen, XenHypervisor } from '../../../src/backends/xen/index.js';
import { collect } from '../../support/collecting-runner.js';
import { SMALL_KIND, xenFactory } from './fixture.js';
import { lacksOf, MODES, type Type } from './lab-guests.js';
import { LeftOpen } from './left-open.js';
import { Pool } from './pool.js';
import { perform, Report } from './report.js';
import { Toolstack } from './toolstack.js';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { guests: { type: 'string', default: '/guest' }, only: { type: 'string', default: '' } },
  });
  const type = positionals[0] as Type;
  if (positionals.length !== 1 || !Object.hasOwn(MODES, type)) {
    process.stderr.write('usage: main.js pvh|pv [--guests DIR] [--only TEXT]\n');
    return 2;
  }
  const toolstack = new Toolstack();
  const pool = new Pool(toolstack, join(values.guests, `${type}.cfg`));
  const report = new Report();
  const stop = stopSignal();
  try {
    await toolstack.preferDom0();
    const tests = collect({ ...optionsFor(type), factory: xenFactory(pool, toolstack) });
    const chosen = tests.filter(({ topic, title }) => `${topic}: ${title}`.includes(values.only));
    pool.keepImage(SMALL_KIND);
    const leftOpen = new LeftOpen({
      mappings: mappingsOpen,
      'hypercall buffers': hypercallBuffersOpen,
      'paging rooms': pagingRoomsOpen,
    });
    for (const test of chosen) report.add(test, await leftOpen.judge(await perform(test, stop)));
  } finally {
    await pool.close();
    toolstack.close();
  }
  report.finish({ type, ...pool.counts });
  return report.failed === 0 ? 0 : 1;
}

/** SIGTERM and SIGINT end the run with what there is, and without leaving domains behind. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

type Options = Omit<Parameters<typeof collect>[0], 'factory'>;

function optionsFor(type: Type): Options {
  const xen = XenHypervisor.open();
  const { capabilities } = xen;
  void xen.close();
  return { capabilities, ...MODES[type], lacks: lacksOf(type) };
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
