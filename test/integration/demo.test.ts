/** The demonstration as a process, with a domain small enough for a test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, isRunning } from '../support/proc.js';
import { json, jsonLines, start } from '../support/processes.js';

/** A hot set with room for a machine that is busy with other things. */
const SMALL = ['demo', '--memory', '64M', '--hot', '16M'];

interface Run {
  readonly strategy: string;
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly pagesSent: number;
  readonly bytesSent: number;
  readonly rounds: number;
  readonly faults: number;
  readonly verified: boolean;
  readonly maxSendsPerPage: number;
}

/** Polls until it is so; the test's own limit ends it otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

const hostsOf = async (demo: number): Promise<number[]> => {
  await until(() => childrenOf(demo).length === 2);
  return childrenOf(demo);
};

test('there by precopy, back by TSMC, verified', async () => {
  const { code, document } = await json(...SMALL);
  expect(code).toBe(0);
  expect(Object.keys(document)).toEqual(['runs']);
  const [precopy, tsmc] = document.runs as Run[];
  expect(document.runs).toHaveLength(2);
  expect([precopy.strategy, tsmc.strategy]).toEqual(['precopy', 'tsmc']);
  expect([precopy.verified, tsmc.verified]).toEqual([true, true]);
  expect(precopy.rounds).toBeGreaterThanOrEqual(4);
  expect(precopy.faults).toBe(0);
  expect(tsmc.maxSendsPerPage).toBeLessThanOrEqual(2);
  expect(tsmc.pagesSent).toBeLessThan(precopy.pagesSent);
  expect(tsmc.totalMs).toBeLessThan(precopy.totalMs);
  for (const run of [precopy, tsmc]) {
    expect(run.bytesSent).toBeGreaterThan(run.pagesSent * 4096);
    expect(run.downtimeMs).toBeGreaterThan(0);
    expect(run.downtimeMs).toBeLessThan(run.totalMs);
  }
});

test('says so, and fails, when it does not show what it claims', async () => {
  const { code, documents } = await jsonLines(...SMALL, '--write-rate', '100kB/s');
  expect(code).toBe(1);
  const [result, failure] = documents as [{ runs: Run[] }, { error: { message: string } }];
  expect(result.runs.map(({ verified }) => verified)).toEqual([true, true]);
  expect(failure.error.message).toContain('the guest writes too little');
});

test('people see a table', async () => {
  const { code, stdout, stderr } = await start(...SMALL).ended;
  expect(code).toBe(0);
  expect(stdout.match(/verified/g)).toHaveLength(3);
  expect(stderr).toContain('round 0');
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it and its hosts', async (signal) => {
  const demo = start(...SMALL, '--bandwidth', '1MB/s');
  const hosts = await hostsOf(demo.child.pid as number);
  demo.child.kill(signal);
  const { stdout } = await demo.ended;
  expect(demo.child.signalCode).toBe(signal);
  expect(stdout).toBe('');
  expect(hosts.filter(isRunning)).toEqual([]);
});

test('its hosts end even when it is killed', async () => {
  const demo = start(...SMALL, '--bandwidth', '1MB/s');
  const hosts = await hostsOf(demo.child.pid as number);
  demo.child.kill('SIGKILL');
  await demo.ended;
  await until(() => !hosts.some(isRunning));
});
