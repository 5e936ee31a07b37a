/**
 * One random migration in virtual time, all of it from a seed: strategy, workload, paging mode, link, and perhaps a cancel or a
 * cut of the link at some byte or instant. Whatever happens, at most one copy ever runs, and in the end the domain runs
 * somewhere with the memory it should have — or, where the link never came back, both ends say so and keep their half.
 */
import type { EmulatedDomain, GuestBuild, GuestSpec } from '../../src/backends/emulated/index.js';
import { Random } from '../../src/backends/emulated/virtual/random.js';
import { VirtualWorld } from '../../src/backends/emulated/virtual/world.js';
import { expectUnharmed, type Journey, type JourneyOptions, migrate } from './virtual-migration.js';

const MiB = 1 << 20;
/** Longer than any outage that ends, shorter than one that does not. */
const RECONNECT_MS = 5000;

const below = (random: Random, end: number): number => random.between(0, Math.floor(end) - 1);
const chance = (random: Random, share: number): boolean => random.fraction() < share;

export interface Scenario {
  readonly build: GuestBuild;
  readonly pagingMode: 'shadow' | 'hap';
  readonly bytesPerSecond: number;
  readonly latencyMs: number;
  readonly journey: JourneyOptions;
  readonly warmUpMs: number;
  /** Cut the link after so many bytes from that end; for how long (Infinity: for good). */
  readonly cut?: {
    readonly from: 0 | 1;
    readonly bytes: number;
    readonly outageMs: number;
    readonly noticeMs: [number, number];
  };
  readonly cancelAtMs?: number;
}

export type Outcome = 'completed' | 'source runs on' | 'recovered' | 'undecided' | 'pages missing';

export function scenario(random: Random): Scenario {
  const memoryMB = random.pick([4, 6, 8]);
  const bytesPerSecond = random.pick([5e6, 12.5e6, 40e6, 125e6]);
  const cancels = chance(random, 0.1);
  return {
    build: {
      memoryMB,
      vcpus: random.pick([1, 1, 2, 3]),
      guest: guest(random, memoryMB),
      seed: below(random, 2 ** 31),
      content: chance(random, 0.3) ? { kind: 'random' } : undefined,
    },
    pagingMode: random.pick(['shadow', 'hap'] as const),
    bytesPerSecond,
    latencyMs: random.pick([0.05, 0.5, 5]),
    journey: journey(random, bytesPerSecond),
    warmUpMs: below(random, 200),
    cut: !cancels && chance(random, 0.5) ? cut(random, memoryMB) : undefined,
    cancelAtMs: cancels ? below(random, 1500) : undefined,
  };
}

function guest(random: Random, memoryMB: number): GuestSpec {
  const rateMBps = random.pick([1, 10, 60, 200]);
  return random.pick<GuestSpec>([
    { program: 'idle' },
    { program: 'hot-set', hotMB: memoryMB / 4, rateMBps },
    { program: 'memtester', regionMB: memoryMB / 2, rateMBps },
    { program: 'zipf', rateMBps },
    { program: 'allocator', rateMBps },
    { program: 'churner', rateMBps },
  ] as GuestSpec[]);
}

function journey(random: Random, bytesPerSecond: number): JourneyOptions {
  return {
    strategy: random.pick(['precopy', 'tsmc', 'tsmc', 'auto'] as const),
    policy: random.pick(['xen', 'xen-4.1'] as const),
    downtimeBudgetMs: chance(random, 0.3) ? random.pick([5, 50, 300]) : undefined,
    bandwidth: chance(random, 0.3) ? bytesPerSecond / 2 : undefined,
    elideZeroPages: chance(random, 0.8),
    prepullWindow: random.pick([0, 8, 64, 'adaptive'] as const),
    reconnectMs: RECONNECT_MS,
  };
}

function cut(random: Random, memoryMB: number): Scenario['cut'] {
  const from = random.pick([0, 1] as const);
  // From the destination little comes: a byte of it is a step of the conversation.
  const bytes = from === 0 ? below(random, memoryMB * MiB * 1.3) : below(random, 3000);
  const outageMs = chance(random, 0.15) ? Number.POSITIVE_INFINITY : below(random, 2000);
  // An end may go on for long before it notices that its connections are dead.
  const notice = (): number => random.pick([0, 0, 100, 2500]);
  return { from, bytes, outageMs, noticeMs: [notice(), notice()] };
}

/** Carries the scenario out and checks everything. */
export function play(seed: number): Promise<{ outcome: Outcome; journey: Journey; scenario: Scenario }> {
  return playScenario(scenario(new Random(seed)));
}

export async function playScenario(
  chosen: Scenario,
): Promise<{ outcome: Outcome; journey: Journey; scenario: Scenario }> {
  const { bytesPerSecond, latencyMs, pagingMode, build } = chosen;
  await using world = new VirtualWorld({ ramBytes: 16 * MiB, link: { bytesPerSecond, latencyMs }, pagingMode });
  const domain = await world.hosts[0].createDomain({ ...build, name: 'guest' });
  const result = await world.run(async () => {
    await world.clock.sleep(chosen.warmUpMs);
    const referee = new Referee(world);
    plan(world, chosen);
    const journey = await migrate(world, domain, { ...chosen.journey, signal: cancellation(world, chosen) });
    referee.stop();
    await referee.done;
    return { journey, outcome: await judge(world, domain, chosen, journey) };
  });
  return { ...result, scenario: chosen };
}

function plan(world: VirtualWorld, { cut }: Scenario): void {
  if (!cut) return;
  const link = world.link();
  const cutNow = link.cut.bind(link);
  link.cut = (options) => {
    cutNow(options);
    if (Number.isFinite(cut.outageMs))
      world.clock.at(world.clock.ns + Math.round(cut.outageMs * 1e6), () => link.restore());
  };
  link.cutAfter(cut.from, cut.bytes, { noticeMs: cut.noticeMs });
}

function cancellation(world: VirtualWorld, { cancelAtMs }: Scenario): AbortSignal | undefined {
  if (cancelAtMs === undefined) return undefined;
  const controller = new AbortController();
  world.clock.at(world.clock.ns + cancelAtMs * 1e6, () => controller.abort(new Error('cancelled by the scenario')));
  return controller.signal;
}

/** Looks every virtual millisecond whether two copies run. */
class Referee {
  readonly done: Promise<void>;
  private stopped = false;

  constructor(private readonly world: VirtualWorld) {
    this.done = this.watch();
    this.done.catch(() => undefined);
  }

  stop(): void {
    this.stopped = true;
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      expect((await running(this.world)).length).toBeLessThanOrEqual(1);
      await this.world.clock.sleep(1);
    }
  }
}

async function running(world: VirtualWorld): Promise<number[]> {
  const hosts: number[] = [];
  for (const [index, host] of world.hosts.entries()) {
    for (const info of await host.listDomains()) if (!info.paused && !info.suspended) hosts.push(index);
  }
  return hosts;
}

async function judge(
  world: VirtualWorld,
  domain: EmulatedDomain,
  chosen: Scenario,
  journey: Journey,
): Promise<Outcome> {
  const { sendError, receiveError, report } = journey;
  const lostForGood = chosen.cut !== undefined && !Number.isFinite(chosen.cut.outageMs);
  if (report) {
    const arrived = await onlyDomain(world, 1);
    expect(await running(world)).toEqual([1]);
    if (report.strategy === 'tsmc') expect(arrived.core.machine.p2m.length).toBeGreaterThan(0);
    if (!chosen.cut && chosen.journey.strategy === 'tsmc') expect(report.maxSendsPerPage).toBeLessThanOrEqual(2);
    await domain.destroy();
    await world.clock.sleep(50);
    await expectUnharmed(world, arrived, chosen.build);
    return report.stage3 && report.stage3.reconnects > 0 ? 'recovered' : 'completed';
  }
  if (sendError?.survivor === 'source') {
    expect(['CANCELLED', 'STREAM_FAILED', 'DESTINATION_FAILED']).toContain(sendError.code);
    expect(await running(world)).toEqual([0]);
    const left = await world.hosts[1].listDomains();
    // A destination that was ready and can never be told keeps its copy, paused.
    if (left.length > 0) expect([lostForGood, receiveError?.code]).toEqual([true, 'HANDOVER_UNKNOWN']);
    await expectLogDirtyOff(domain);
    await world.clock.sleep(50);
    await expectUnharmed(world, domain, chosen.build);
    return 'source runs on';
  }
  // Anything else is only ever the fault of a link that stays cut.
  expect({ lostForGood, sendError, receiveError }).toMatchObject({ lostForGood: true });
  expect((await running(world)).length).toBeLessThanOrEqual(1);
  expect((await domain.info()).suspended).toBe(true);
  if (sendError?.code === 'POSTCOPY_BROKEN') {
    expect(await running(world)).toEqual([1]);
    return 'pages missing';
  }
  expect(sendError?.code).toBe('HANDOVER_UNKNOWN');
  return 'undecided';
}

async function onlyDomain(world: VirtualWorld, host: number): Promise<EmulatedDomain> {
  const domains = await world.hosts[host].listDomains();
  expect(domains.length).toBe(1);
  return world.hosts[host].domain(domains[0].domid);
}

/** ENABLE succeeds only where it is off. */
async function expectLogDirtyOff(domain: EmulatedDomain): Promise<void> {
  await domain.logDirty.enable();
  await domain.logDirty.disable();
}
