/** What a migration costs the guest. The source is in this process, so that the guest's steps can be counted as they go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HostProcess } from '../src/cli/demo/host-process.js';
import { EmulatedHost } from '../src/host/emulated.js';
import { Host } from '../src/host/host.js';
import { Network } from '../src/host/network.js';
import { startOutgoing } from '../src/host/outgoing.js';
import { pageOps } from '../src/native/index.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const PAGE_SIZE = 4096;
const NAME = 'watched';
const WARM_UP_MS = 300;
const CLEANS = 200;
const BETWEEN_CLEANS_MS = 2;

export interface GuestFigures {
  /** Of CLEAN and of the scan of its bitmap for gfns, a GiB. */
  readonly cleanMs: readonly number[];
  /** Pages that these found dirty, on average. */
  readonly dirtyPages: number;
  /** Steps a second: without a migration, in stage 1 at `bandwidth`, and in stage 1 as fast as it goes. */
  readonly alone: number;
  readonly capped: number;
  readonly uncapped: number;
}

export interface GuestOptions {
  readonly memoryMB: number;
  readonly hotMB: number;
  readonly bandwidth: number;
  /** How long the guest is watched in each case. */
  readonly watchMs: number;
}

type Domain = Awaited<ReturnType<EmulatedHost['createDomain']>>;

/** A guest that writes its hot set as fast as the machine lets it. */
export async function measureGuest({ memoryMB, hotMB, bandwidth, watchMs }: GuestOptions): Promise<GuestFigures> {
  const memoryBytes = memoryMB * MIB;
  await using destination = await HostProcess.start({ name: 'destination', memoryBytes });
  const backend = new EmulatedHost(memoryBytes);
  const host = new Host('source', backend, new Network({ listen: '127.0.0.1' }));
  try {
    const guest = { program: 'hot-set', hotMB } as const;
    const { domid } = await host.create({ name: NAME, memoryMB, vcpus: 1, seed: 1, guest }, false);
    const domain = await backend.hypervisor.domain(domid);
    await sleep(WARM_UP_MS);
    const clean = await measureClean(domain);
    const alone = await rate(domain, () => sleep(watchMs));
    const inStage1 = (rateLimit?: number): Promise<number> =>
      stage1Rate(host, domain, destination, { bandwidth: rateLimit, watchMs });
    return { ...clean, alone, capped: await inStage1(bandwidth), uncapped: await inStage1() };
  } finally {
    await host.close(true);
  }
}

async function measureClean(domain: Domain): Promise<Pick<GuestFigures, 'cleanMs' | 'dirtyPages'>> {
  const { nrGfns } = await domain.info();
  const bitmap = new Uint8Array(Math.ceil(nrGfns / 8));
  const gfns = new Uint32Array(nrGfns);
  const cleanMs: number[] = [];
  let dirty = 0;
  await domain.logDirty.enable();
  for (let i = 0; i < CLEANS; i++) {
    await sleep(BETWEEN_CLEANS_MS);
    const start = performance.now();
    await domain.logDirty.clean(nrGfns, bitmap);
    dirty += pageOps.bitmapToGfns(bitmap, nrGfns, 0, gfns);
    cleanMs.push(((performance.now() - start) / (nrGfns * PAGE_SIZE)) * GIB);
  }
  await domain.logDirty.disable();
  return { cleanMs, dirtyPages: dirty / CLEANS };
}

interface Stage1 {
  readonly bandwidth?: number;
  readonly watchMs: number;
}

/** The guest's rate in stage 1, or in as much of it as there is time for; the migration is then cancelled. */
async function stage1Rate(host: Host, domain: Domain, to: HostProcess, options: Stage1): Promise<number> {
  const { bandwidth, watchMs } = options;
  const request = { destination: to.url, destinationToken: to.token, strategy: 'tsmc', bandwidth } as const;
  const { record, report } = startOutgoing(host, NAME, { ...request, paused: false, faults: false, picture: false });
  const moved = report.then(
    () => Promise.reject(new Error('the domain left before it was measured')),
    () => undefined,
  );
  const begun = new Promise<void>((resolve) => {
    record.onEvent((event) => event.type === 'state' && event.to === 'stage1' && resolve());
  });
  const over = new Promise<void>((resolve) => {
    record.onEvent((event) => event.type === 'round' && resolve());
  });
  await Promise.race([begun, moved]);
  const steps = await rate(domain, () => Promise.race([over, sleep(watchMs)]));
  record.cancel('measured');
  await moved;
  return steps;
}

async function rate(domain: Domain, during: () => Promise<unknown>): Promise<number> {
  const before = domain.guestReport().steps;
  const start = performance.now();
  await during();
  return ((domain.guestReport().steps - before) / (performance.now() - start)) * 1000;
}
