/** After a migration, however it ended, nothing of it is left: counted in this process, where both hosts are. */
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmulatedDomain } from '../../../src/backends/emulated/domain.js';
import { Control } from '../../../src/backends/emulated/machine.js';
import type { MigrateRequest, MigrationLine } from '../../../src/host/api.js';
import { startHost, stopHost, type TestHost, TOKEN } from '../../support/hosts.js';
import { BreakableLink } from '../../support/proxy.js';

const HOT = { program: 'hot-set', hotMB: 2, rateMBps: 40 } as const;
const VCPUS = 2;
const RAM_PAGES = 48 * 256;
const DOMAIN_PAGES = 16 * 256;
/** Slow enough in stage 1 for the guest to write all of its hot set, and in stage 3 to be interfered with. */
const SLOW_TSMC: Partial<MigrateRequest> = { strategy: 'tsmc', bandwidth: 30e6, postcopyBandwidth: 2e6 };
/** What the kernel and the event loop hold for us: sockets, listeners, timers, the ports of worker threads. */
const COUNTED = ['TCPSocketWrap', 'TCPServerWrap', 'Timeout', 'MessagePort', 'FSReqPromise', 'FSReqCallback'] as const;

/** Linux has them; elsewhere they go uncounted. */
const DESCRIPTORS = '/proc/self/fd';

type Counts = Record<(typeof COUNTED)[number] | 'descriptors', number>;

function counts(): Counts {
  const active = process.getActiveResourcesInfo();
  const entries = COUNTED.map((name) => [name, active.filter((other) => other === name).length]);
  const descriptors = existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0;
  return { ...Object.fromEntries(entries), descriptors } as Counts;
}

/** Sockets take a moment to close. What is still there after some seconds stays: the difference is shown. */
async function expectNoMoreThan(expected: Counts): Promise<void> {
  const excess = (): Partial<Counts> =>
    Object.fromEntries(Object.entries(counts()).filter(([name, count]) => count > expected[name as keyof Counts]));
  for (let waited = 0; Object.keys(excess()).length > 0 && waited < 3000; waited += 20) await sleep(20);
  expect(excess()).toEqual({});
}

/** What is there all the time: requests, and the test runner, leave something for a moment. */
async function settled(): Promise<Counts> {
  const least = counts();
  for (let i = 0; i < 10; i++) {
    await sleep(15);
    for (const [name, count] of Object.entries(counts())) {
      least[name as keyof Counts] = Math.min(least[name as keyof Counts], count);
    }
  }
  return least;
}

interface Pair {
  readonly a: TestHost;
  readonly b: TestHost;
  readonly link: BreakableLink;
  /** Before there was a domain, and with one that runs. */
  readonly bare: Counts;
  readonly running: Counts;
}

const links: BreakableLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

async function twoHosts(reconnectMs?: number): Promise<Pair> {
  const [a, b] = await Promise.all([startHost('a', { reconnectMs }), startHost('b', { reconnectMs })]);
  const link = new BreakableLink();
  links.push(link);
  const bare = await settled();
  await a.client.create({ config: { name: 'web', memoryMB: 16, vcpus: VCPUS, guest: HOT } });
  const running = await settled();
  // Relative: another test file of the same process may have left connections that are kept alive for a moment.
  expect(running.MessagePort - bare.MessagePort).toBe(VCPUS);
  expect(running.TCPServerWrap).toBeGreaterThanOrEqual(2);
  return { a, b, link, bare, running };
}

/** Follows a migration to its end, and lets the other end of it settle too. */
async function migrate(
  from: TestHost,
  to: TestHost,
  destination: string,
  more: Partial<MigrateRequest>,
  onLine: (line: MigrationLine) => unknown = () => undefined,
): Promise<MigrationLine | undefined> {
  let last: MigrationLine | undefined;
  const request: MigrateRequest = { destination, destinationToken: TOKEN, ...more };
  for await (const line of from.client.migrate('web', request)) {
    last = line;
    await onLine(line);
  }
  for (const { daemon } of [from, to]) {
    await Promise.all(daemon.host.migrations.all().map((record) => record.settled));
  }
  return last;
}

/** The domain runs, and nothing holds it, maps it, logs it or pages it. */
async function expectFree({ backend, client }: TestHost): Promise<void> {
  const [info] = await backend.hypervisor.listDomains();
  const { core } = (await backend.hypervisor.domain(info.domid)) as EmulatedDomain;
  const { control } = core.machine;
  expect({ holds: control[Control.HOLD], logDirty: control[Control.LOG_DIRTY] }).toEqual({ holds: 0, logDirty: 0 });
  expect([core.mappings.mappedPages, core.pauses, core.suspended, core.paged]).toEqual([0, 0, false, 0]);
  expect(await client.info('web')).toMatchObject({ state: 'running' });
  expect((await client.info('web')).migration).toBeUndefined();
  expect(backend.hypervisor.freePages).toBe(RAM_PAGES - DOMAIN_PAGES);
}

async function expectEmpty({ backend }: TestHost): Promise<void> {
  expect(await backend.hypervisor.listDomains()).toEqual([]);
  expect(backend.hypervisor.freePages).toBe(RAM_PAGES);
}

test('there and back', async () => {
  const { a, b, bare, running } = await twoHosts();
  expect(await migrate(a, b, b.url.origin, { strategy: 'tsmc' })).toMatchObject({ type: 'report' });
  await expectNoMoreThan(running);
  await expectFree(b);
  await expectEmpty(a);
  expect(await migrate(b, a, a.url.origin, { strategy: 'precopy' })).toMatchObject({ type: 'report' });
  await expectNoMoreThan(running);
  await expectFree(a);
  await expectEmpty(b);
  await a.client.destroy('web');
  await expectNoMoreThan(bare);
});

test.each(['precopy', 'tsmc'] as const)('%s, cancelled in stage 1', async (strategy) => {
  const { a, b, running } = await twoHosts();
  let id = '';
  const last = await migrate(a, b, b.url.origin, { strategy, bandwidth: 8e6 }, async (line) => {
    if (line.type === 'started') id = line.id;
    if (line.type === 'progress' && id) await a.client.cancel(id).then(() => (id = ''));
  });
  expect(last).toMatchObject({ type: 'error', error: { detail: 'CANCELLED' } });
  await expectNoMoreThan(running);
  await expectFree(a);
  await expectEmpty(b);
});

test('broken in stage 1', async () => {
  const { a, b, link, running } = await twoHosts();
  const destination = await link.before(b.url.origin);
  const last = await migrate(a, b, destination, { strategy: 'tsmc', bandwidth: 8e6 }, (line) => {
    if (line.type === 'progress') link.cut();
  });
  expect(last).toMatchObject({ type: 'error', error: { survivor: 'source' } });
  link.close();
  await expectNoMoreThan(running);
  await expectFree(a);
  await expectEmpty(b);
});

test('broken in stage 3, and mended', async () => {
  const { a, b, link, running } = await twoHosts();
  const last = await migrate(a, b, await link.before(b.url.origin), SLOW_TSMC, (line) => {
    if (line.type === 'state' && line.from === 'handover') link.cut();
    if (line.type === 'channel') link.mend();
  });
  expect(last).toMatchObject({ type: 'report', report: { stage3: { reconnects: 1 } } });
  link.close();
  await expectNoMoreThan(running);
  await expectFree(b);
  await expectEmpty(a);
});

test('broken in stage 3 for good: two halves, which only wait to be destroyed', async () => {
  const { a, b, link, bare, running } = await twoHosts(300);
  const last = await migrate(a, b, await link.before(b.url.origin), SLOW_TSMC, (line) => {
    if (line.type === 'state' && line.from === 'handover') link.cut();
  });
  expect(last).toMatchObject({ type: 'error', error: { detail: 'POSTCOPY_BROKEN' } });
  link.close();
  const more = (what: 'MessagePort' | 'descriptors'): number => 2 * running[what] - bare[what];
  await expectNoMoreThan({ ...running, MessagePort: more('MessagePort'), descriptors: more('descriptors') });
  expect(await a.client.info('web')).toMatchObject({ state: 'departed' });
  await expect(a.client.unpause('web')).rejects.toMatchObject({ code: 'DEPARTED' });
  await a.client.destroy('web');
  await b.client.destroy('web');
  await expectEmpty(a);
  await expectEmpty(b);
  await expectNoMoreThan(bare);
});

test('hosts that end leave nothing, domains and half a migration included', async () => {
  const nothing = await settled();
  const { a, b } = await twoHosts();
  await new Promise<void>((resolve, reject) => {
    migrate(a, b, b.url.origin, { strategy: 'precopy', bandwidth: 4e6 }, (line) => {
      if (line.type === 'progress') resolve();
    }).catch(reject);
  });
  await stopHost(a);
  await stopHost(b);
  await expectNoMoreThan(nothing);
});
