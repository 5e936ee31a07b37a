/** The eighteen statements on Xen's log-dirty mode that this backend reproduces, one test each. See docs of the contract's LogDirty. */
import { Errno } from '../../../src/backends/backend.js';
import { Counter } from '../../../src/backends/emulated/machine.js';
import { closeHosts, code, MODES, type Stepped, stepped } from '../../support/emulated.js';

afterAll(closeHosts);

const PAGES = 1024;
const BYTES = PAGES / 8;

async function log({ domain }: Stepped, op: 'peek' | 'clean', pages = PAGES) {
  const bitmap = new Uint8Array(Math.ceil(pages / 8)).fill(0xa5);
  const stats = await domain.logDirty[op](pages, bitmap);
  return {
    ...stats,
    bitmap,
    dirty: [...bitmap].reduce((n, byte) => n + byte.toString(2).replaceAll('0', '').length, 0),
  };
}

/** gfns whose content differs from `before`. */
function changed({ domain }: Stepped, before: Uint8Array): number[] {
  const { memory } = domain.core.machine;
  return [...Array(PAGES).keys()].filter(
    (gfn) =>
      Buffer.compare(memory.subarray(gfn * 4096, gfn * 4096 + 4096), before.subarray(gfn * 4096, gfn * 4096 + 4096)) !==
      0,
  );
}

const bitsOf = (bitmap: Uint8Array): number[] =>
  [...Array(bitmap.length * 8).keys()].filter((gfn) => (bitmap[gfn >> 3] & (1 << (gfn & 7))) !== 0);

describe.each(MODES)('%s', (pagingMode) => {
  /** A guest that has run, with log-dirty on, and has written 10 pages since. */
  async function logged(): Promise<Stepped> {
    const scene = await stepped({ pagingMode });
    scene.execution.run(0, 300);
    await scene.domain.logDirty.enable();
    scene.execution.run(0, 10);
    return scene;
  }

  test('1: after ENABLE every page is clean', async () => {
    const scene = await stepped({ pagingMode });
    scene.execution.run(0, 50);
    await scene.domain.logDirty.enable();
    expect((await log(scene, 'peek')).dirty).toBe(0);
  });

  test('2: OFF and ENABLE drop the bitmap and keep the counters', async () => {
    const scene = await logged();
    await scene.domain.logDirty.disable();
    await scene.domain.logDirty.enable();
    expect(await log(scene, 'peek')).toMatchObject({ dirty: 0, dirtyCount: 10 });
    expect(await log(scene, 'clean')).toMatchObject({ dirtyCount: 10 });
    expect(await log(scene, 'peek')).toMatchObject({ dirtyCount: 0, faultCount: 0 });
  });

  test('3: ENABLE when on is EINVAL; beside another operation EBUSY', async () => {
    const scene = await logged();
    await expect(scene.domain.logDirty.enable()).rejects.toEqual(code('INVALID_STATE', Errno.EINVAL));
    const clean = scene.domain.logDirty.clean(PAGES);
    await expect(scene.domain.logDirty.enable()).rejects.toEqual(code('BUSY', Errno.EBUSY));
    await clean;
    await scene.domain.logDirty.disable();
    await scene.domain.logDirty.enable();
  });

  test('4: OFF when off succeeds', async () => {
    const scene = await stepped({ pagingMode });
    await scene.domain.logDirty.disable();
    await scene.domain.logDirty.disable();
    await scene.domain.logDirty.enable();
  });

  test.each(['peek', 'clean'] as const)('5: %s when off gives a zero bitmap and the pages asked for', async (op) => {
    const scene = await stepped({ pagingMode });
    scene.execution.run(0, 50);
    expect(await log(scene, op)).toMatchObject({ pages: PAGES, dirty: 0, dirtyCount: 0 });
  });

  test('6: PEEK changes nothing and re-protects nothing', async () => {
    const scene = await logged();
    const first = await log(scene, 'peek');
    expect(await log(scene, 'peek')).toEqual(first);
    scene.execution.run(0, 256);
    const { control } = scene.domain.core.machine;
    const generation = control[1];
    await log(scene, 'peek');
    expect(control[1]).toBe(generation);
  });

  test('7: CLEAN returns bitmap and counters, zeroes both and re-protects', async () => {
    const scene = await logged();
    expect(await log(scene, 'clean')).toMatchObject({ dirty: 10, dirtyCount: 10 });
    expect(await log(scene, 'clean')).toMatchObject({ dirty: 0, dirtyCount: 0, faultCount: 0 });
    scene.execution.run(0, 256);
    scene.execution.run(0, 256);
    expect(await log(scene, 'clean')).toMatchObject({ dirty: 256, dirtyCount: 256 });
  });

  test('8: without a bitmap CLEAN still clears; with 0 pages it zeroes the counters and clears no bit', async () => {
    const scene = await logged();
    await scene.domain.logDirty.clean(PAGES);
    expect((await log(scene, 'peek')).dirty).toBe(0);
    scene.execution.run(0, 7);
    expect(await scene.domain.logDirty.clean(0)).toMatchObject({ pages: 0, dirtyCount: 7 });
    expect(await log(scene, 'peek')).toMatchObject({ dirty: 7, dirtyCount: 0 });
  });

  test('9: the pages asked for come back unclamped, and what is beyond memory is 0', async () => {
    const scene = await logged();
    const { pages, bitmap } = await log(scene, 'clean', 100_000);
    expect(pages).toBe(100_000);
    expect(bitmap.subarray(BYTES).every((byte) => byte === 0)).toBe(true);
  });

  test('10: exactly as many bytes are written as the pages need', async () => {
    const scene = await logged();
    const bitmap = new Uint8Array(BYTES).fill(0xa5);
    await scene.domain.logDirty.peek(20, bitmap);
    expect(bitmap.subarray(3).every((byte) => byte === 0xa5)).toBe(true);
    expect([...bitmap.subarray(0, 3)]).toEqual([...scene.domain.core.machine.dirty.subarray(0, 3)]);
  });

  test('11: a short CLEAN clears the leaves that it touches, and all counters', async () => {
    const scene = await stepped(
      { pagingMode, memoryMB: 160, guest: { program: 'memtester' } },
      { ramBytes: 200 * 1024 * 1024 },
    );
    await scene.domain.logDirty.enable();
    const { dirty } = scene.domain.core.machine;
    dirty[100] = dirty[4095] = dirty[4096] = 0xff;
    const bitmap = new Uint8Array(1);
    await scene.domain.logDirty.clean(8, bitmap);
    expect([dirty[100], dirty[4095], dirty[4096]]).toEqual([0, 0, 0xff]);
    await scene.domain.logDirty.clean(32_769);
    expect(dirty[4096]).toBe(0);
  });

  test('12: dirty_count counts clean→dirty transitions; fault_count shadow faults alone', async () => {
    const scene = await logged();
    const { dirtyCount, faultCount } = await log(scene, 'clean');
    expect(dirtyCount).toBe(10);
    if (pagingMode === 'hap') return expect(faultCount).toBe(0);
    // The CLEAN blew the tables: each page written since is one fault; written again, none.
    expect(faultCount).toBeGreaterThanOrEqual(10);
    scene.execution.run(0, 256);
    scene.execution.run(0, 256);
    expect((await log(scene, 'clean')).faultCount).toBe(256);
  });

  test('13, 14: pages that are no number, a bitmap that is too short: nothing is cleared', async () => {
    const scene = await logged();
    for (const pages of [-1, 0.5, Number.NaN, 2 ** 60])
      await expect(scene.domain.logDirty.clean(pages)).rejects.toEqual(code('INVALID_ARGUMENT', Errno.EINVAL));
    await expect(scene.domain.logDirty.clean(PAGES, new Uint8Array(BYTES - 1))).rejects.toEqual(
      code('BAD_BUFFER', Errno.EFAULT),
    );
    await expect(scene.domain.logDirty.peek(9, new Uint8Array(1))).rejects.toEqual(code('BAD_BUFFER', Errno.EFAULT));
    expect((await log(scene, 'peek')).dirty).toBe(10);
  });

  test('15: the pause of an operation does not show', async () => {
    const scene = await logged();
    const clean = scene.domain.logDirty.clean(PAGES);
    expect((await scene.domain.info()).paused).toBe(false);
    await clean;
    expect(scene.execution.holds).toBe(0);
  });

  test('16: guest writes dirty, reads and foreign writes do not', async () => {
    const scene = await stepped({ pagingMode, guest: { program: 'memtester', regionMB: 1 } });
    scene.execution.run(0, 256);
    await scene.domain.logDirty.enable();
    scene.execution.run(0, 256);
    expect((await log(scene, 'clean')).dirty).toBe(0);
    using mapping = await scene.domain.memory.map(Uint32Array.of(900), 'write');
    mapping.base[900 * 4096] ^= 1;
    expect((await log(scene, 'clean')).dirty).toBe(0);
    const before = scene.domain.core.machine.memory.slice();
    scene.execution.run(0, 100);
    expect(bitsOf((await log(scene, 'clean')).bitmap)).toEqual(changed(scene, before));
  });

  test('17: on a dying domain operations succeed and leave the buffer alone', async () => {
    const scene = await logged();
    const gone = scene.domain.destroy();
    const bitmaps = [0, 1].map(() => new Uint8Array(BYTES).fill(0xa5));
    const stats = await Promise.all([
      scene.domain.logDirty.peek(PAGES, bitmaps[0]),
      scene.domain.logDirty.clean(PAGES, bitmaps[1]),
    ]);
    expect(stats.map(({ pages }) => pages)).toEqual([PAGES, PAGES]);
    for (const bitmap of bitmaps) expect(bitmap.every((byte) => byte === 0xa5)).toBe(true);
    await gone;
  });

  test('18: newly populated pages are not dirty, as in 4.17', async () => {
    const scene = await logged();
    await log(scene, 'clean');
    await scene.domain.memory.populate(Uint32Array.of(0));
    expect((await log(scene, 'peek')).dirty).toBe(0);
  });

  test('every page that changes is reported, whatever the guest does to its tables', async () => {
    const scene = await stepped({ pagingMode, guest: { program: 'churner' } });
    await scene.domain.logDirty.enable();
    for (let round = 0; round < 20; round++) {
      const before = scene.domain.core.machine.memory.slice();
      scene.execution.run(0, 50 + round);
      const reported = new Set(bitsOf((await log(scene, 'clean')).bitmap));
      expect(changed(scene, before).filter((gfn) => !reported.has(gfn))).toEqual([]);
    }
  });

  test('a CLEAN costs a shadowed guest its tables, and a HAP guest none', async () => {
    const scene = await logged();
    scene.execution.run(0, 256);
    const builds = (): number => scene.domain.core.machine.counters[Counter.SHADOW_BUILDS];
    await log(scene, 'clean');
    const before = builds();
    scene.execution.run(0, 256);
    expect(builds() - before).toBe(pagingMode === 'shadow' ? 256 : 0);
  });
});
