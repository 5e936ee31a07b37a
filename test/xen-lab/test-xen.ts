/** npm run test:xen: builds the lab, and sees in real dom0s what there is to be seen. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { buildLab } from './build/lab.js';
import { printedTo } from './build/printed.js';
import { checkBuilt } from './built.js';
import { flavourNamed } from './flavours.js';
import { untilInterrupted } from './interrupts.js';
import { LabError } from './lab-error.js';
import { REPO } from './paths.js';
import { type RunningLab, runSteps } from './run/boots.js';
import { jobsFor } from './run/jobs.js';
import { Report } from './run/report.js';
import type { Outcome, Step } from './run/step.js';
import { STEPS } from './steps/index.js';
import { tidy } from './steps/support/tidy.js';
import { Lab } from './vm/lab.js';

interface Options {
  readonly json?: string;
  readonly only: string[];
  readonly jobs: number;
  readonly attempts: number;
  readonly list?: boolean;
  readonly extended?: boolean;
}

const program = new Command('test:xen')
  .description('tests on real Xen, in the lab')
  .option('--json <file>', 'write the report there too, as JSON')
  .option('--only <text>', 'only steps whose name or flavour holds this text (again for more)', more, [])
  .option('--extended', 'the long ones, too; --only finds them in any case')
  .option('--jobs <n>', 'so many dom0s at the same time; each takes a core and 4 GB', count, jobsHere())
  .option('--attempts <n>', 'how often a step may be tried; the report tells of each', count, 2)
  .option('--list', 'name the steps and do nothing')
  .action(main);

async function main({ json, only, jobs, attempts, list, extended = false }: Options): Promise<void> {
  const steps = chosen(only, extended);
  if (list) return void process.stdout.write(steps.map(({ flavour, name }) => `${flavour}: ${name}\n`).join(''));
  const report = new Report((line) => void process.stdout.write(`${line}\n`));
  await untilInterrupted(async (signal) => {
    await run(steps, { jobs, attempts }, report, signal);
  });
  report.finish();
  if (json !== undefined) {
    mkdirSync(dirname(json), { recursive: true });
    writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  }
  const { passed, failed } = report.counts;
  if (failed > 0 || passed === 0) process.exitCode ??= 1;
}

async function run(
  steps: readonly Step[],
  { jobs, attempts }: Pick<Options, 'jobs' | 'attempts'>,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  checkBuilt(REPO);
  const flavours = [...new Set(steps.map(({ flavour }) => flavour))];
  const layout = await buildLab(flavours, printedTo(process.stdout), signal);
  const boot = ({ flavour, hosts }: Step): Promise<RunningLab> =>
    Lab.boot({ layout, flavour: flavourNamed(flavour), hosts, signal });
  const done = (outcome: Outcome) => report.add(outcome);
  const untidy = (step: Step, why: string) => report.note(`a new boot behind ${step.flavour} ${step.name}: ${why}`);
  await runSteps(steps, { jobs, attempts, boot, tidy, done, untidy, signal });
}

function chosen(only: readonly string[], extended: boolean): readonly Step[] {
  const isNamed = (step: Step): boolean => only.some((text) => `${step.flavour}: ${step.name}`.includes(text));
  const steps = STEPS.filter((step) => (only.length === 0 ? extended || !step.extended : isNamed(step)));
  if (steps.length === 0) throw new LabError(`no step is called ${only.join(', ')}`, 'See the names: --list.');
  return steps;
}

function more(text: string, before: string[]): string[] {
  return [...before, text];
}

function jobsHere(): number {
  return jobsFor(availableParallelism(), freemem());
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 is wanted');
  return value;
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`test:xen: ${error instanceof LabError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
});
