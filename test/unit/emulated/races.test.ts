/** What is under way when a domain ends: it must not touch memory that may be another domain's by then. */
import { Errno } from '../../../src/backends/backend.js';
import type { EmulatedDomain } from '../../../src/backends/emulated/domain.js';
import { closeHosts, code, type Stepped, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const gfns = (...list: number[]): Uint32Array => Uint32Array.from(list);
const page = new Uint8Array(4096).fill(7);

/** A paused domain of which gfn 501 is missing and 502 is a hole. */
async function scene(): Promise<Stepped> {
  const made = await stepped();
  const { domain } = made;
  await domain.pause();
  await domain.paging.enable(() => {});
  await domain.paging.evict(gfns(501));
  await domain.memory.depopulate(gfns(502));
  return made;
}

const OPERATIONS: [string, (domain: EmulatedDomain) => Promise<unknown>][] = [
  ['load', ({ paging }) => paging.load(gfns(501), page)],
  ['evict', ({ paging }) => paging.evict(gfns(503))],
  ['map', ({ memory }) => memory.map(gfns(500), 'read')],
  ['populate', ({ memory }) => memory.populate(gfns(502))],
  ['depopulate', ({ memory }) => memory.depopulate(gfns(500))],
  ['clean', ({ logDirty }) => logDirty.clean(1024)],
];

test.each(OPERATIONS)('%s, and the domain is destroyed while it is under way', async (_, operate) => {
  const { domain, execution, host } = await scene();
  const { memory, p2m } = domain.core.machine;
  let before = memory.slice();
  const end = async (): Promise<void> => {
    await domain.destroy();
    before = memory.slice();
  };
  execution.spend = end;
  execution.hold = async () => {
    execution.holds++;
    await end();
  };
  const types = p2m.slice();
  await expect(operate(domain)).rejects.toEqual(code('NO_SUCH_DOMAIN', Errno.ESRCH));
  expect(Buffer.compare(memory, before)).toBe(0);
  expect(Buffer.compare(p2m, types)).toBe(0);
  expect(domain.core.mappings.mappedPages).toBe(0);
  expect(host.freePages).toBe(host.capabilities.maxPages);
});

test('destroyed twice at once, it gives its memory back once', async () => {
  const { domain, host } = await stepped();
  await Promise.all([domain.destroy(), domain.destroy()]);
  expect(host.freePages).toBe(host.capabilities.maxPages);
  await expect(domain.destroy()).rejects.toEqual(code('NO_SUCH_DOMAIN', Errno.ESRCH));
});

test('its memory is kept until the last of its mappings has gone, and not for one of holes', async () => {
  const { domain, host } = await stepped();
  const free = host.freePages;
  const mappings = [await domain.memory.map(gfns(500), 'read'), await domain.memory.map(gfns(500, 501), 'read')];
  await domain.destroy();
  for (const mapping of mappings) {
    await new Promise((resolve) => setImmediate(resolve));
    expect(host.freePages).toBe(free);
    mapping.unmap();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(host.freePages).toBe(free + 1024);

  const other = await stepped();
  const holes = await other.domain.memory.map(gfns(0, 5000), 'read');
  expect([...holes.errors]).toEqual([Errno.EINVAL, Errno.EINVAL]);
  await other.domain.destroy();
  expect(other.host.freePages).toBe(other.host.capabilities.maxPages);
});

test('a host that closes while a domain is being destroyed: closed is what both say', async () => {
  const { domain, host } = await stepped();
  const destroyed = domain.destroy();
  await host.close();
  await destroyed;
  await expect(domain.info()).rejects.toEqual(code('CLOSED'));
});

test('a guest that could not be built has left no trace in the memory of the next', async () => {
  const { host } = await stepped({}, { ramBytes: 8 * 2 ** 20 });
  const tooHot = { name: 'hot', memoryMB: 4, vcpus: 1, seed: 1, guest: { program: 'hot-set', hotMB: 100 } } as const;
  await expect(host.createDomain(tooHot)).rejects.toEqual(code('INVALID_ARGUMENT'));
  const shell = await host.createShell({ name: 'next', guestType: 'hvm', maxPages: 1024, vcpus: 1 });
  expect(shell.core.machine.memory.every((byte) => byte === 0)).toBe(true);
});
