/** Fixtures of the conformance suite on the emulated backend, one for each driver. */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EmulatedHypervisor, type EmulatedOptions } from '../../src/backends/emulated/index.js';
import { VirtualClock } from '../../src/backends/emulated/virtual/clock.js';
import { VirtualExecutionFactory } from '../../src/backends/emulated/virtual/execution.js';
import type { DomainRequest, Factory, Fixture, RunningDomain } from '../conformance/index.js';

/** Room for the largest domain of the suite and a few small ones. Untouched memory costs nothing but addresses. */
const RAM_BYTES = 256 * 1024 * 1024;
/** Hosts after which their memory is collected: 4 GiB of addresses. A process with much more than the machine has cannot fork. */
const HOSTS_A_COLLECTION = 16;
const PAGES_PER_MB = 256;
/** Bytes that need no file, since a virtual clock does not wait for one; holes and zero pages as a real guest has them. */
const CONTENT = {
  kind: 'random',
  zeroShare: 0.15,
  duplicateShare: 0.05,
  neverPopulatedShare: 0.02,
  balloonedShare: 0.01,
} as const;
/** Longer than any test waits: a guest that never answers is to be a failure, not a hang. */
const CLOCK = { limitMs: 120_000 };

let closed = 0;

/** V8 does not count shared memory as a reason to collect. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

function fixtureOn(options: Omit<EmulatedOptions, 'ramBytes'>): Fixture {
  const backend = new EmulatedHypervisor({ ramBytes: RAM_BYTES, ...options });
  const createDomain = async ({ name, pages, vcpus, pagingMode }: DomainRequest): Promise<RunningDomain> => {
    const memoryMB = Math.ceil(pages / PAGES_PER_MB);
    const guest = { program: 'agent' } as const;
    const domain = await backend.createDomain({ name, memoryMB, vcpus, pagingMode, guest, seed: 1, content: CONTENT });
    return { domain, guest: domain.agent() };
  };
  return {
    backend,
    createDomain,
    attach: async ({ domid }) => (await backend.domain(domid)).agent(),
    close: async () => {
      await backend.close();
      if (++closed % HOSTS_A_COLLECTION === 0) collectGarbage();
    },
  };
}

/** vCPUs in threads, real time. */
export const liveFactory: Factory = async () => ({
  ...fixtureOn({ suspendTimeoutMs: 50 }),
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
});

/** vCPUs stepped by a clock of each test's own; what a test opens in addition is on the same clock. */
export function virtualFactory(): Factory {
  let running: VirtualClock | undefined;
  return async () => {
    const clock = running ?? new VirtualClock(CLOCK);
    const execution = new VirtualExecutionFactory(clock);
    const run = async <T>(body: () => Promise<T>): Promise<T> => {
      if (running) return body();
      running = clock;
      try {
        return await clock.run(body());
      } finally {
        running = undefined;
      }
    };
    const sleep = (ms: number, signal?: AbortSignal): Promise<void> => clock.sleep(ms, signal);
    return { ...fixtureOn({ execution, sleep, suspendTimeoutMs: 500 }), sleep, run };
  };
}
