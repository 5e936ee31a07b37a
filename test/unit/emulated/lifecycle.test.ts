import type { Worker } from 'node:worker_threads';
import { Errno } from '../../../src/backends/backend.js';
import type { EmulatedDomain } from '../../../src/backends/emulated/domain.js';
import { closeHosts, code, MIB, openHost, SPEC, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

/** Threads of this process, counted through the handles that keep it alive. */
const threads = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

/** Resolves when the guest has executed another step; the test's own time limit says that it does not. */
async function untilItRuns(domain: EmulatedDomain): Promise<void> {
  const { steps } = domain.guestReport();
  while (domain.guestReport().steps === steps) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function standsStill(domain: EmulatedDomain): Promise<boolean> {
  const { steps } = domain.guestReport();
  await new Promise((resolve) => setTimeout(resolve, 30));
  return domain.guestReport().steps === steps;
}

const paced = { ...SPEC, guest: { program: 'hot-set', hotMB: 1, rateMBps: 40 } as const };

test('destroy() while pages are mapped: the domid is gone at once, the memory when the last mapping is', async () => {
  const { host, domain, execution } = await stepped();
  const free = host.freePages;
  const mapping = await domain.memory.map(Uint32Array.of(500, 501), 'read');
  const copy = mapping.base.slice(500 * 4096, 502 * 4096);
  await domain.destroy();
  expect(execution.closed).toBe(true);
  await expect(host.domain(domain.domid)).rejects.toEqual(code('NO_SUCH_DOMAIN', Errno.ESRCH));
  expect(host.freePages).toBe(free);
  expect(Buffer.compare(copy, mapping.base.subarray(500 * 4096, 502 * 4096))).toBe(0);
  mapping.unmap();
  mapping.unmap();
  await new Promise((resolve) => setImmediate(resolve));
  expect(host.freePages).toBe(free + 1024);
});

test('memory that comes back is zero for the next domain', async () => {
  const { host, domain } = await stepped({}, { ramBytes: 4 * MIB });
  await domain.destroy();
  const shell = await host.createShell({ name: 'next', guestType: 'hvm', maxPages: 1024, vcpus: 1 });
  expect(shell.domid).toBe(domain.domid + 1);
  expect(shell.core.machine.memory.every((byte) => byte === 0)).toBe(true);
});

test('a guest that cannot be built leaves nothing behind', async () => {
  const host = openHost();
  const free = host.freePages;
  await expect(host.createDomain({ ...SPEC, memoryMB: 1, vcpus: 32 })).rejects.toEqual(code('INVALID_ARGUMENT'));
  await expect(host.createDomain({ ...SPEC, content: { zeroShare: 2 } })).rejects.toEqual(code('INVALID_ARGUMENT'));
  await expect(host.createDomain({ ...SPEC, memoryMB: 65 })).rejects.toEqual(code('NO_MEMORY', Errno.ENOMEM));
  expect(host.freePages).toBe(free);
  expect(await host.listDomains()).toEqual([]);
});

test('a digest is of a whole domain that stands still; a suspended one is not suspended again', async () => {
  const { domain } = await stepped();
  await expect(domain.digest()).rejects.toEqual(code('INVALID_STATE', Errno.EINVAL));
  await domain.suspend();
  await expect(domain.suspend()).rejects.toEqual(code('INVALID_STATE', Errno.EINVAL));
  expect(await domain.digest()).toMatch(/^[0-9a-f]{64}$/);
  await domain.paging.enable(() => {});
  await domain.paging.evict(Uint32Array.of(501));
  await expect(domain.digest()).rejects.toMatchObject({ code: 'INVALID_STATE', remedy: expect.any(String) });
});

test('what was ballooned out is gone at once, whatever the vCPU remembers of it', async () => {
  const { domain, execution } = await stepped({ guest: { program: 'hot-set', hotMB: 0.004 } });
  execution.run(0, 20);
  const vital = new Set(await domain.memory.vital());
  await domain.memory.depopulate(Uint32Array.from({ length: 1000 }, (_, i) => i + 1).filter((gfn) => !vital.has(gfn)));
  expect(execution.run(0, 20)).toBe('halted');
  expect(domain.guestReport().vcpus[0].crashed).toBeDefined();
});

test('live: pause stops the guest between two steps, unpause lets it run, and pauses are counted', async () => {
  const domain = await openHost().createDomain(paced);
  await untilItRuns(domain);
  await domain.pause();
  await domain.pause();
  expect(await standsStill(domain)).toBe(true);
  await domain.unpause();
  expect(await standsStill(domain)).toBe(true);
  await domain.unpause();
  await untilItRuns(domain);
  await expect(domain.unpause()).rejects.toEqual(code('INVALID_STATE'));
});

test('live: a paced guest keeps its rate', async () => {
  const domain = await openHost().createDomain(paced);
  await untilItRuns(domain);
  const before = { steps: domain.guestReport().steps, at: performance.now() };
  await new Promise((resolve) => setTimeout(resolve, 300));
  const rate = ((domain.guestReport().steps - before.steps) * 4096) / MIB / ((performance.now() - before.at) / 1000);
  // The machine may be busy, so that the guest falls behind; it must never run ahead.
  expect(rate).toBeLessThan(48);
  expect(rate).toBeGreaterThan(1);
});

test('live: a guest that does not answer is not suspended, and runs on', async () => {
  const domain = await openHost({ suspendTimeoutMs: 20 }).createDomain({ ...SPEC, guest: { program: 'agent' } });
  await domain.agent().refuseSuspend();
  await expect(domain.suspend()).rejects.toEqual(code('SUSPEND_FAILED'));
  expect((await domain.info()).suspended).toBe(false);
  await untilItRuns(domain);
});

test('live: the thread of a vCPU that dies is reported, and holds nobody up', async () => {
  const domain = await openHost({ suspendTimeoutMs: 20 }).createDomain(paced);
  await untilItRuns(domain);
  expect(domain.guestReport().vcpus[0].crashed).toBeUndefined();
  const { workers } = domain.core.execution as unknown as { workers: Worker[] };
  await workers[0].terminate();
  expect(domain.guestReport().vcpus[0].crashed).toMatch(/vCPU 0 ended/);
  await domain.logDirty.enable();
  await expect(domain.suspend()).rejects.toEqual(code('SUSPEND_FAILED'));
});

test('live: close() ends every thread, also of domains that were destroyed, paused or just made', async () => {
  const before = threads();
  const host = openHost();
  const [a, b] = [await host.createDomain({ ...paced, vcpus: 2 }), await host.createDomain({ ...paced, vcpus: 2 })];
  await host.createShell({ name: 'shell', guestType: 'hvm', maxPages: 64, vcpus: 2 });
  expect(threads()).toBe(before + 6);
  await a.destroy();
  await b.pause();
  expect(threads()).toBe(before + 4);
  await host.close();
  expect(threads()).toBe(before);
  await expect(host.listDomains()).rejects.toEqual(code('CLOSED'));
  await expect(b.info()).rejects.toEqual(code('CLOSED'));
});
