import { Errno, type PageFault } from '../../../src/backends/backend.js';
import { controlDigest } from '../../../src/backends/emulated/digest.js';
import { FaultRing, RING_SLOTS } from '../../../src/backends/emulated/fault-ring.js';
import { P2m } from '../../../src/backends/emulated/machine.js';
import { closeHosts, code, openHost, SPEC, type Stepped, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const page = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);
const gfns = (...list: number[]): Uint32Array => Uint32Array.from(list);

/** A paused domain with the ring open. */
async function paged(): Promise<Stepped & { faults: PageFault[] }> {
  const scene = await stepped();
  const faults: PageFault[] = [];
  await scene.domain.paging.enable((fault) => faults.push(fault));
  await scene.domain.pause();
  return { ...scene, faults };
}

test('evict() needs the ring and a domain that does not run', async () => {
  const { domain } = await stepped();
  await domain.pause();
  await expect(domain.paging.evict(gfns(500))).rejects.toEqual(code('INVALID_STATE', Errno.ENODEV));
  await domain.paging.enable(() => {});
  await domain.unpause();
  await expect(domain.paging.evict(gfns(500))).rejects.toEqual(code('INVALID_STATE', Errno.EINVAL));
});

test('the ring is opened once', async () => {
  const { domain } = await paged();
  await expect(domain.paging.enable(() => {})).rejects.toEqual(code('BUSY', Errno.EBUSY));
  await domain.paging.disable();
  await domain.paging.enable(() => {});
});

test('mapped and special pages are refused, holes are not there, and what is refused stays as it is', async () => {
  const { domain } = await paged();
  const before = await domain.info();
  using mapping = await domain.memory.map(gfns(500), 'read');
  expect(mapping.failed).toBe(0);
  expect([...(await domain.paging.evict(gfns(0, 500, 1022, 1023, 5000)))]).toEqual([
    Errno.ENOENT,
    Errno.EBUSY,
    Errno.EBUSY,
    Errno.EBUSY,
    Errno.ENOENT,
  ]);
  expect(await domain.info()).toEqual(before);
  mapping.unmap();
  expect([...(await domain.paging.evict(gfns(500)))]).toEqual([0]);
  expect(await domain.info()).toMatchObject({ pagedPages: 1, populatedPages: before.populatedPages - 1 });
  expect([...(await domain.memory.map(gfns(0, 500, 501), 'read')).errors]).toEqual([Errno.EINVAL, Errno.ENOENT, 0]);
  expect([...(await domain.paging.load(gfns(500, 5000), new Uint8Array(8192)))]).toEqual([0, Errno.ENOENT]);
  expect(await domain.info()).toEqual(before);
});

test.each([
  ['in order', [501, 502, 503]],
  ['out of order', [503, 501, 502]],
])('a batch %s is applied page by page', async (_what, order) => {
  const { domain } = await paged();
  await domain.paging.evict(Uint32Array.from(order).sort());
  const data = new Uint8Array(Buffer.concat(order.map((gfn) => page(gfn & 0xff))));
  expect([...(await domain.paging.load(Uint32Array.from(order), data))]).toEqual([0, 0, 0]);
  for (const gfn of order) expect(domain.core.machine.memory[gfn * 4096 + 4095]).toBe(gfn & 0xff);
  expect((await domain.info()).pagedPages).toBe(0);
});

test('a page is applied once, also when one batch brings it twice', async () => {
  const { domain } = await paged();
  await domain.paging.evict(gfns(501, 502));
  const twice = new Uint8Array(Buffer.concat([page(1), page(2)]));
  expect([...(await domain.paging.load(gfns(501, 501), twice))]).toEqual([0, Errno.ENOENT]);
  expect(domain.core.machine.memory[501 * 4096]).toBe(1);
  expect([...(await domain.paging.load(gfns(501, 502), twice))]).toEqual([Errno.ENOENT, 0]);
  expect([domain.core.machine.memory[501 * 4096], domain.core.machine.memory[502 * 4096]]).toEqual([1, 2]);
  await domain.paging.disable();
});

test('a batch whose data is cut short is refused', async () => {
  const { domain } = await paged();
  await domain.paging.evict(gfns(501, 502));
  await expect(domain.paging.load(gfns(501, 502), page(1))).rejects.toEqual(code('BAD_BUFFER'));
  expect((await domain.info()).pagedPages).toBe(2);
});

test('a missing page that is given back is dropped: told once, never loaded, and zero when it comes again', async () => {
  const { domain, faults } = await paged();
  await domain.paging.evict(gfns(501));
  await domain.memory.depopulate(gfns(501));
  expect(faults).toEqual([{ gfn: 501, vcpu: 0, kind: 'dropped' }]);
  expect([...(await domain.paging.load(gfns(501), page(1)))]).toEqual([Errno.ENOENT]);
  await domain.memory.populate(gfns(501));
  expect(domain.core.machine.memory.subarray(501 * 4096, 502 * 4096).every((byte) => byte === 0)).toBe(true);
  expect((await domain.info()).pagedPages).toBe(0);
});

test('a vCPU that misses a page asks for it once, and goes on when it is there', async () => {
  const { domain, execution, faults } = await paged();
  const all = Uint32Array.from({ length: 1000 }, (_, i) => i + 10);
  await domain.unpause();
  execution.run(0, 5);
  await domain.pause();
  const copy = domain.core.machine.memory.slice();
  await domain.paging.evict(all);
  await domain.unpause();
  expect(execution.run(0, 1)).toBe('missing');
  expect(faults).toHaveLength(1);
  const [{ gfn }] = faults;
  expect(domain.core.machine.p2m[gfn]).toBe(P2m.PAGING_IN);
  await domain.paging.load(gfns(gfn), copy.slice(gfn * 4096, gfn * 4096 + 4096));
  expect(execution.run(0, 1)).toBe('ran');
});

test('the ring has eight slots; the ninth request waits for one', () => {
  const missing = new Set(Array.from({ length: 10 }, (_, i) => i));
  const posted: number[] = [];
  const ring = new FaultRing(
    ({ gfn }) => posted.push(gfn),
    (gfn) => missing.has(gfn),
  );
  for (const gfn of missing) ring.request({ gfn, vcpu: gfn, kind: 'wait' });
  ring.settle();
  expect(posted).toEqual([]);
  ring.open();
  expect(posted).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(RING_SLOTS).toBe(8);
  missing.delete(3);
  ring.settle();
  expect(posted).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  missing.delete(4);
  ring.drop(4);
  expect(posted.slice(9).sort()).toEqual([4, 9]);
  posted.length = 9;
  missing.clear();
  ring.settle();
  ring.request({ gfn: 9, vcpu: 9, kind: 'wait' });
  expect(posted).toHaveLength(9);
});

test('live: two vCPUs that run into missing pages all the time get every one, and their memory is right', async () => {
  const host = openHost();
  const spec = { ...SPEC, vcpus: 2, guest: { program: 'hot-set', hotMB: 2, rateMBps: 100 } as const };
  const domain = await host.createDomain(spec);
  const store = new Map<number, Uint8Array>();
  await domain.paging.enable(({ gfn }) => {
    const data = store.get(gfn);
    if (data) void domain.paging.load(gfns(gfn), data);
  });
  const some = Uint32Array.from({ length: 900 }, (_, i) => i + 20);
  // On a busy machine a vCPU's thread may get no turn for some rounds.
  const allMissed = (): boolean => domain.guestReport().vcpus.every(({ misses }) => misses > 3);
  for (let round = 0; round < 3 || !allMissed(); round++) {
    await domain.pause();
    const memory = domain.core.machine.memory.slice();
    const errors = await domain.paging.evict(some);
    some.forEach((gfn, i) => {
      if (errors[i] === 0) store.set(gfn, memory.slice(gfn * 4096, gfn * 4096 + 4096));
    });
    await domain.unpause();
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const [gfn, data] of store) await domain.paging.load(gfns(gfn), data);
    store.clear();
  }
  await domain.pause();
  await domain.paging.disable();
  const { vcpus, corrupt } = domain.guestReport();
  expect(corrupt).toBe(0);
  for (const { blockedMs, crashed } of vcpus) {
    expect(blockedMs).toBeGreaterThan(0);
    expect(crashed).toBeUndefined();
  }
  expect(await domain.digest()).toBe(
    await controlDigest(
      spec,
      vcpus.map(({ steps }) => steps),
    ),
  );
});

test('live: a vCPU that waits for a page wakes when the page is given away, and finds nothing there', async () => {
  const domain = await openHost().createDomain({ ...SPEC, guest: { program: 'hot-set', hotMB: 1, rateMBps: 50 } });
  await domain.pause();
  const vital = new Set(await domain.memory.vital());
  const missed = new Promise<number>((resolve) => {
    void domain.paging.enable(({ gfn, kind }) => kind === 'wait' && resolve(gfn));
  });
  await domain.paging.evict(Uint32Array.from({ length: 1000 }, (_, i) => i + 10).filter((gfn) => !vital.has(gfn)));
  await domain.unpause();
  await domain.memory.depopulate(gfns(await missed));
  while (domain.guestReport().vcpus[0].crashed === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
});
