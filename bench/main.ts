/**
 * The project's own figures, in one run: npm run bench [-- --json]. The goals stand in the table; docs/performance.md says what
 * limits what.
 */
import { parseArgs } from 'node:util';
import { SCENARIO } from '../src/cli/demo/scenario.js';
import { measureGuest } from './guest.js';
import { measureHot } from './hot.js';
import { measureIdle } from './idle.js';
import { resultOf, table } from './result.js';

const MIB = 2 ** 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      /** MiB of the domain that is moved, and of the one that is watched. */
      memory: { type: 'string', default: '1024' },
      /** Of the hot domain; the idle one, which is quick, moves almost twice as often. */
      runs: { type: 'string', default: '5' },
      /** Divides the hot domain, for a quick look. */
      shrink: { type: 'string', default: '1' },
    },
  });
  const [memoryMB, runs, shrink] = [values.memory, values.runs, values.shrink].map(positive);
  const say = (text: string): void => void (values.json || process.stderr.write(`${text}\n`));

  say('an idle domain, and bare sockets …');
  const idle = await measureIdle(memoryMB, 2 * runs - 1);
  say('a hot domain by TSMC …');
  const { memoryBytes, hotBytes } = SCENARIO;
  const scenario = { ...SCENARIO, memoryBytes: memoryBytes / shrink, hotBytes: hotBytes / shrink };
  const hot = await measureHot(scenario, runs);
  say('a guest during stage 1 …');
  const { bandwidth } = SCENARIO;
  const guest = await measureGuest({ memoryMB, hotMB: scenario.hotBytes / MIB, bandwidth, watchMs: 2000 / shrink });
  const result = resultOf({ idle, hot, guest });
  process.stdout.write(`${values.json ? JSON.stringify(result) : table(result)}\n`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new Error(`${text} is not a whole number above 0`);
  return value;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
