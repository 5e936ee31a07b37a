/** Steps that share a boot, and boots side by side. */
import type { Dom0 } from '../vm/dom0.js';
import { perform } from './perform.js';
import type { Outcome, Step } from './step.js';

/** A lab as the steps need it. */
export interface RunningLab {
  readonly dom0s: readonly Dom0[];
  end(): Promise<void>;
}

export interface RunOptions {
  /** So many dom0s may run at the same time; one is let through in any case. */
  readonly jobs: number;
  readonly boot: (step: Step, signal: AbortSignal) => Promise<RunningLab>;
  /** Takes away what a step has left, for the next one; where it fails, the next one gets a new boot. */
  readonly tidy: (lab: RunningLab) => Promise<void>;
  readonly done: (outcome: Outcome) => void;
  /** Why a step's lab is not used any further, where the step itself passed. */
  readonly untidy: (step: Step, why: string) => void;
  /** How often a step may be tried. Emulated machines that share two cores stumble now and then; a fault does so each time. */
  readonly attempts: number;
  readonly signal: AbortSignal;
}

export function groupsOf(steps: readonly Step[]): Step[][] {
  const groups = new Map<string, Step[]>();
  for (const step of steps) {
    const key = [step.flavour, step.hosts, step.lane ?? ''].join(' ');
    const group = groups.get(key) ?? [];
    group.push(step);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Runs every step, in groups; a group that needs two dom0s takes two of the jobs. */
export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<void> {
  const waiting = groupsOf(steps).sort((a, b) => lengthOf(b) - lengthOf(a));
  const running = new Map<Promise<void>, number>();
  const used = () => [...running.values()].reduce((total, hosts) => total + hosts, 0);
  while (waiting.length > 0 && !options.signal.aborted) {
    const fitting = waiting.findIndex(
      ([step]) => running.size === 0 || used() + weightOf(step, options) <= options.jobs,
    );
    if (fitting === -1) {
      await Promise.race(running.keys());
      continue;
    }
    const [group] = waiting.splice(fitting, 1);
    const run = runGroup(group, options).finally(() => running.delete(run));
    running.set(run, weightOf(group[0], options));
  }
  await Promise.all(running.keys());
}

/** The longest first, so that none of them runs alone at the end. */
function lengthOf(group: readonly Step[]): number {
  return group.reduce((total, { timeoutS, expectedS = timeoutS / 8 }) => total + expectedS, 0);
}

/** How many of the jobs it takes. */
function weightOf({ hosts, alone }: Step, { jobs }: RunOptions): number {
  return alone ? Math.max(hosts, jobs) : hosts;
}

async function runGroup(group: readonly Step[], options: RunOptions): Promise<void> {
  let lab: RunningLab | undefined;
  const end = async () => {
    await lab?.end();
    lab = undefined;
  };
  const attempt = async (step: Step): Promise<Outcome> => {
    try {
      lab ??= await options.boot(step, options.signal);
    } catch (cause) {
      return { ...nothing(step), error: (cause as Error).message };
    }
    const outcome = await perform(step, lab.dom0s, options.signal);
    // Nobody knows what a step that failed has left.
    if (hasFailed(outcome) || !(await isTidy(step, lab, options))) await end();
    return outcome;
  };
  try {
    for (const step of group) {
      if (options.signal.aborted) return;
      const first = await attempt(step);
      const again = hasFailed(first) && !first.harmed && options.attempts > 1 && !options.signal.aborted;
      options.done(again ? second(first, await attempt(step)) : first);
    }
  } finally {
    await end();
  }
}

function hasFailed({ error, results }: Outcome): boolean {
  return error !== undefined || results.some(({ ok }) => !ok);
}

/** What counts is the second attempt; that there was a first is told. */
function second(first: Outcome, outcome: Outcome): Outcome {
  const why = first.error ?? first.results.find(({ ok }) => !ok)?.detail ?? 'a test of it failed';
  return { ...outcome, notes: [`second attempt, in a new boot; the first: ${why.split('\n')[0]}`, ...outcome.notes] };
}

function nothing({ name, flavour }: Step): Outcome {
  return { name, flavour, seconds: 0, results: [], notes: [] };
}

async function isTidy(step: Step, lab: RunningLab, { tidy, untidy }: RunOptions): Promise<boolean> {
  try {
    await tidy(lab);
    return true;
  } catch (error) {
    untidy(step, (error as Error).message);
    return false;
  }
}
