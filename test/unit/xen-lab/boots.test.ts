import { groupsOf, type RunningLab, runSteps } from '../../xen-lab/run/boots.js';
import { GuestHarmed, type Outcome, type Step } from '../../xen-lab/run/step.js';
import { Dom0 } from '../../xen-lab/vm/dom0.js';

const DOM0 = new Dom0('dom0-1', '192.168.77.1', { port: 1, key: '/dev/null', knownHosts: '/dev/null' });

/** What happened, in order, and how many dom0s there were at most. */
class World {
  readonly events: string[] = [];
  readonly outcomes: Outcome[] = [];
  readonly interrupt = new AbortController();
  running = 0;
  most = 0;
  tidies = true;
  boots = true;

  async run(steps: readonly Step[], jobs = 2, attempts = 1): Promise<void> {
    await runSteps(steps, {
      jobs,
      attempts,
      signal: this.interrupt.signal,
      boot: async ({ flavour, hosts }) => this.boot(flavour, hosts),
      tidy: async () => {
        if (!this.tidies) throw new Error('a domain is left');
      },
      untidy: ({ name }, why) => void this.events.push(`${name}: ${why}`),
      done: (outcome) => void this.outcomes.push(outcome),
    });
  }

  private boot(flavour: string, hosts: number): RunningLab {
    if (!this.boots) throw new Error('no QEMU');
    this.events.push(`boot ${flavour}`);
    this.running += hosts;
    this.most = Math.max(this.most, this.running);
    const end = async () => {
      this.running -= hosts;
      this.events.push(`end ${flavour}`);
    };
    return { dom0s: [DOM0], end };
  }

  step(name: string, more: Partial<Step> = {}): Step {
    const run = async () => void this.events.push(name);
    return { name, flavour: 'debian12', hosts: 1, timeoutS: 10, run, ...more };
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => expect(world.running).toBe(0));

const fails = async () => {
  throw new Error('it fails');
};

test('steps of a flavour share a boot, in their order; another lane has its own', () => {
  const steps = [
    world.step('a'),
    world.step('b', { flavour: 'debian13' }),
    world.step('c'),
    world.step('d', { lane: 'x' }),
    world.step('e', { hosts: 2 }),
  ];
  expect(groupsOf(steps).map((group) => group.map(({ name }) => name))).toEqual([['a', 'c'], ['b'], ['d'], ['e']]);
});

test('a boot serves all its steps', async () => {
  await world.run([world.step('a'), world.step('b')]);
  expect(world.events).toEqual(['boot debian12', 'a', 'b', 'end debian12']);
  expect(world.outcomes.map(({ error }) => error)).toEqual([undefined, undefined]);
});

test.each([
  ['fails', { run: fails }],
  ['reports a failure', { run: async (bench) => bench.result({ name: 'x', ok: false }) }],
  ['does not end in time', { run: () => new Promise(() => undefined), timeoutS: 0.02 }],
] satisfies [string, Partial<Step>][])('behind a step that %s stands a new boot', async (_, more) => {
  await world.run([world.step('a', more), world.step('b')]);
  expect(world.events).toEqual(['boot debian12', 'end debian12', 'boot debian12', 'b', 'end debian12']);
  expect(world.outcomes).toHaveLength(2);
});

test('behind a step that leaves what cannot be taken away stands a new boot', async () => {
  world.tidies = false;
  await world.run([world.step('a'), world.step('b')]);
  expect(world.events.filter((event) => event.startsWith('boot'))).toHaveLength(2);
  expect(world.events).toContain('a: a domain is left');
});

test('a step that is too late has its signal aborted, and says so', async () => {
  let aborted = false;
  const run: Step['run'] = ({ signal }) =>
    new Promise(() => signal.addEventListener('abort', () => (aborted = true), { once: true }));
  await world.run([world.step('slow', { run, timeoutS: 0.02 })]);
  expect(aborted).toBe(true);
  expect(world.outcomes[0].error).toBe('not done after 0.02 s');
});

test('where nothing boots, each step fails with the reason', async () => {
  world.boots = false;
  await world.run([world.step('a'), world.step('b')]);
  expect(world.outcomes.map(({ error }) => error)).toEqual(['no QEMU', 'no QEMU']);
});

test('no more dom0s run at a time than are allowed, unless one lab alone needs more', async () => {
  const pause = { run: () => new Promise<void>((resolve) => setTimeout(resolve, 10)) };
  const lanes = ['a', 'b', 'c', 'd'].map((lane) => world.step(lane, { lane, ...pause }));
  await world.run([...lanes, world.step('two', { hosts: 2, ...pause })]);
  expect(world.most).toBe(2);
  expect(world.outcomes).toHaveLength(5);
  await world.run([world.step('two', { hosts: 2 })], 1);
  expect(world.outcomes).toHaveLength(6);
});

test('a step that fails once passes, and its report tells of both attempts', async () => {
  let calls = 0;
  const run = async () => {
    if (++calls === 1) throw new Error('stumbled');
  };
  await world.run([world.step('a', { run })], 2, 2);
  expect(world.outcomes).toMatchObject([{ name: 'a', error: undefined }]);
  expect(world.outcomes[0].notes[0]).toContain('stumbled');
  expect(world.events.filter((event) => event.startsWith('boot'))).toHaveLength(2);
});

test('a step that fails each time fails, once', async () => {
  await world.run([world.step('a', { run: fails })], 2, 2);
  expect(world.outcomes.map(({ error }) => error)).toEqual(['it fails']);
});

test('the boot that is expected to take longest comes first, whatever its limit', async () => {
  const lane = (name: string, more: Partial<Step>) => world.step(name, { lane: name, ...more });
  const steps = [
    lane('a', { timeoutS: 900, expectedS: 20 }),
    lane('b', { timeoutS: 400 }),
    lane('c', { expectedS: 60 }),
  ];
  await world.run(steps, 1);
  expect(world.outcomes.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
});

test('a guest that has come to harm is not tried again', async () => {
  let calls = 0;
  const run = async () => {
    calls++;
    throw new GuestHarmed('CORRUPT page 3');
  };
  await world.run([world.step('a', { run })], 2, 2);
  expect(calls).toBe(1);
  expect(world.outcomes).toMatchObject([{ error: 'CORRUPT page 3' }]);
});

test('an interrupt ends what is under way and begins nothing more', async () => {
  const run = () => new Promise<void>(() => world.interrupt.abort(new Error('interrupted by SIGINT')));
  await world.run([world.step('a', { run }), world.step('b')]);
  expect(world.outcomes.map(({ name, error }) => [name, error])).toEqual([['a', 'interrupted by SIGINT']]);
});

test('logs are shown of what failed, and not of what passed', async () => {
  const speak: Step['run'] = async (bench) => bench.log('said');
  const speakAndFail: Step['run'] = async (bench) => {
    bench.log('x'.repeat(100_000));
    bench.log('the end');
    throw new Error('no');
  };
  await world.run([world.step('a', { run: speak }), world.step('b', { run: speakAndFail })]);
  expect(world.outcomes[0].tail).toBeUndefined();
  expect(world.outcomes[1].tail).toMatch(/^x+\nthe end\n$/);
  expect(world.outcomes[1].tail?.length).toBeLessThan(7000);
});
