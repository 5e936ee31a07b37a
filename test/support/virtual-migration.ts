/** A migration in virtual time: two hosts, a link, a guest, and the oracle that says whether it arrived unharmed. */
import { controlDigest, type EmulatedDomain, type GuestBuild } from '../../src/backends/emulated/index.js';
import { VirtualWorld, type WorldOptions } from '../../src/backends/emulated/virtual/world.js';
import {
  type MigrationError,
  type MigrationEvent,
  type MigrationReport,
  type Received,
  type ReceiveOptions,
  receiveDomain,
  type SendOptions,
  sendDomain,
} from '../../src/migrate/index.js';

export interface Journey {
  readonly report?: MigrationReport;
  readonly sendError?: MigrationError;
  readonly receiveError?: MigrationError;
  readonly received?: Received;
  readonly events: readonly MigrationEvent[];
}

export interface JourneyOptions extends Partial<SendOptions> {
  readonly strategy: SendOptions['strategy'];
  readonly prepullWindow?: number | 'adaptive';
  readonly onRecordedSet?: ReceiveOptions['onRecordedSet'];
  readonly onStream?: () => void;
  readonly receiveSignal?: AbortSignal;
}

/** Migrates from host 0 to host 1. Both ends' outcomes are returned, none is thrown. */
export async function migrate(world: VirtualWorld, domain: EmulatedDomain, options: JourneyOptions): Promise<Journey> {
  const { clock } = world;
  const info = await domain.info();
  const [stream, incoming] = world.connect(0, 1, 'stream');
  const listener = world.listen(0, 1);
  const events: MigrationEvent[] = [];
  const onEvent = (event: MigrationEvent): void => {
    events.push(event);
    options.onEvent?.(event);
  };
  const receiving = receiveDomain({
    backend: world.hosts[1],
    stream: incoming,
    dialer: listener,
    name: info.name,
    maxPages: info.maxPages,
    vcpus: info.vcpus,
    clock,
    reconnectMs: options.reconnectMs,
    prepullWindow: options.prepullWindow,
    onRecordedSet: options.onRecordedSet,
    signal: options.receiveSignal,
  });
  const sending = sendDomain({ clock, returns: listener, ...options, domain, stream, onEvent });
  const [sent, got] = await Promise.allSettled([
    sending,
    receiving.then(async (received) => {
      await received.stage3;
      return received;
    }),
  ]);
  if (sent.status === 'rejected') await (sent.reason as MigrationError).settled;
  stream.destroy();
  incoming.destroy();
  listener.close();
  return {
    events,
    report: sent.status === 'fulfilled' ? sent.value : undefined,
    sendError: sent.status === 'rejected' ? sent.reason : undefined,
    received: got.status === 'fulfilled' ? got.value : undefined,
    receiveError: got.status === 'rejected' ? got.reason : undefined,
  };
}

/** The domain, stopped now, has the memory of one that never moved and ran as many steps; and found no corruption itself. */
export async function expectUnharmed(world: VirtualWorld, domain: EmulatedDomain, build: GuestBuild): Promise<void> {
  if (!(await domain.info()).paused) await domain.pause();
  const report = domain.guestReport();
  expect(report.vcpus.map(({ crashed }) => crashed).filter(Boolean)).toEqual([]);
  expect(report.corrupt).toBe(0);
  const control = controlDigest(
    build,
    report.vcpus.map(({ steps }) => steps),
  );
  const digest = await world.clock.outside(domain.digest());
  expect(digest).toBe(await world.clock.outside(control));
}

export interface Stage {
  readonly world: VirtualWorld;
  /** Runs on host 0. */
  readonly domain: EmulatedDomain;
  /** It is on host 1 now, alone, and unharmed; the copy on host 0 is destroyed. */
  arrived(): Promise<void>;
}

/** A world of two hosts for one scenario, with nothing left behind in it. */
export async function inWorld<T>(
  options: Pick<WorldOptions, 'link' | 'pagingMode'>,
  build: GuestBuild,
  scenario: (stage: Stage) => Promise<T>,
): Promise<T> {
  await using world = new VirtualWorld({ ramBytes: 2 * build.memoryMB * 2 ** 20, ...options });
  const domain = await world.hosts[0].createDomain({ ...build, name: 'guest' });
  const arrived = async (): Promise<void> => {
    expect((await domain.info()).suspended).toBe(true);
    await domain.destroy();
    const [only, ...others] = await world.hosts[1].listDomains();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ paused: false, suspended: false, pagedPages: 0 });
    await world.clock.sleep(50);
    await expectUnharmed(world, await world.hosts[1].domain(only.domid), build);
  };
  return await world.run(() => scenario({ world, domain, arrived }));
}
