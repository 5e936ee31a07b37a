import { Errno } from '../../../src/backends/backend.js';
import { bitmapOf } from '../../conformance/pages.js';
import { closeHosts, code, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const GFNS = Uint32Array.of(500, 501, 502);
const PAGES = 1024;
const PAGE = 4096;

const untilFreed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a domain that is destroyed gives its memory back with the last page that is held or mapped', async () => {
  const { host, domain } = await stepped();
  const free = host.freePages;
  await domain.suspend();
  const held = await domain.memory.hold(bitmapOf(GFNS, PAGES), PAGES);
  const other = await domain.memory.hold(bitmapOf(GFNS, PAGES), PAGES);
  const copy = domain.core.machine.memory.slice(500 * PAGE, 503 * PAGE);
  expect(copy.some((byte) => byte !== 0)).toBe(true);
  await domain.destroy();
  // Whoever comes next gets other memory.
  const next = await host.createShell({ name: 'next', guestType: 'hvm', maxPages: PAGES, vcpus: 1 });
  next.core.machine.memory.fill(0xff);
  const mapping = held.map(GFNS);
  expect(Buffer.compare(copy, mapping.base.subarray(500 * PAGE, 503 * PAGE))).toBe(0);
  await next.destroy();

  other.release(GFNS);
  held.release(GFNS.subarray(1));
  held[Symbol.dispose]();
  held[Symbol.dispose]();
  await untilFreed();
  expect(host.freePages).toBe(free);
  expect(Buffer.compare(copy, mapping.base.subarray(500 * PAGE, 503 * PAGE))).toBe(0);
  mapping.unmap();
  await untilFreed();
  expect(host.freePages).toBe(free + PAGES);
});

test('pages that are held count as mapped, each hold by itself, and nothing held keeps nothing', async () => {
  const { host, domain } = await stepped();
  const free = host.freePages;
  await domain.suspend();
  const held = await domain.memory.hold(bitmapOf(GFNS, PAGES), PAGES);
  const nothing = await domain.memory.hold(new Uint8Array(PAGES / 8), PAGES);
  expect([held.count, nothing.count, domain.core.mappings.mappedPages]).toEqual([3, 0, 3]);
  const again = await domain.memory.hold(bitmapOf(GFNS, PAGES), 502);
  expect([again.count, domain.core.mappings.mappedPages]).toEqual([2, 5]);
  held[Symbol.dispose]();
  await domain.paging.enable(() => {});
  expect([...(await domain.paging.evict(GFNS))]).toEqual([Errno.EBUSY, Errno.EBUSY, 0]);
  again[Symbol.dispose]();
  await domain.destroy();
  expect(host.freePages).toBe(free + PAGES);
});

test('a page that is missing, or beyond the domain, is not held', async () => {
  const { domain } = await stepped();
  await domain.suspend();
  await domain.paging.enable(() => {});
  await domain.paging.evict(GFNS.subarray(0, 1));
  const gfns = Uint32Array.of(...GFNS, PAGES, PAGES + 9);
  using held = await domain.memory.hold(bitmapOf(gfns, PAGES + 10), PAGES + 10);
  expect(held.count).toBe(2);
  using mapping = held.map(gfns);
  expect([...mapping.errors]).toEqual([Errno.EINVAL, 0, 0, Errno.EINVAL, Errno.EINVAL]);
});

test('after the host has been closed there is nothing to map, and letting go still works', async () => {
  const { host, domain } = await stepped();
  await domain.suspend();
  using held = await domain.memory.hold(bitmapOf(GFNS, PAGES), PAGES);
  await host.close();
  expect(() => held.map(GFNS)).toThrow(code('CLOSED') as Error);
  held.release(GFNS);
  await untilFreed();
  expect(host.freePages).toBe(host.capabilities.maxPages);
});
