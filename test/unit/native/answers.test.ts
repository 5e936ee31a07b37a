/** Known answers, from either implementation. */
import { NOT_MAPPED, PAGE } from './arbitraries.js';
import { describeBoth } from './implementations.js';

const u32 = (...values: number[]): Uint32Array => Uint32Array.from(values);
const u8 = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Pages whose every byte is the value given. */
function pagesOf(...values: number[]): Uint8Array {
  return Buffer.concat(values.map((value) => new Uint8Array(PAGE).fill(value)));
}

const firstBytes = (memory: Uint8Array): number[] =>
  Array.from({ length: memory.length / PAGE }, (_, i) => memory[i * PAGE]);

describeBoth((ops) => {
  test('bitmapToGfns goes on where it stopped, and ends at `pages`', () => {
    const bitmap = new Uint8Array(40);
    bitmap.set([0b1000_0001, 0b10], 0);
    bitmap.fill(0xff, 8, 17);
    const out = new Uint32Array(50);
    expect(ops.bitmapToGfns(bitmap, 131, 1, out)).toBe(50);
    expect([...out.subarray(0, 4), out[49]]).toEqual([7, 9, 64, 65, 111]);
    expect(ops.bitmapToGfns(bitmap, 131, 112, out)).toBe(19);
    expect([out[0], out[18]]).toEqual([112, 130]);
    expect(ops.bitmapToGfns(bitmap, 131, 131, out)).toBe(0);
    expect(ops.bitmapCount(bitmap, 131)).toBe(3 + 67);
  });

  test('bitmapToGfns never writes past its output, however short', () => {
    const bitmap = new Uint8Array(24).fill(0xff);
    for (let room = 0; room <= 192; room++) {
      const buffer = new Uint32Array(300).fill(NOT_MAPPED);
      expect(ops.bitmapToGfns(bitmap, 192, 0, buffer.subarray(0, room))).toBe(room);
      expect(buffer.indexOf(NOT_MAPPED)).toBe(room);
      expect(buffer.subarray(room).every((word) => word === NOT_MAPPED)).toBe(true);
    }
  });

  test('bitmaps combine, and bits are set, cleared and tested by gfn', () => {
    const combined = (operation: 'bitmapOr' | 'bitmapAnd' | 'bitmapAndNot'): number[] => {
      const dst = u8(0b1100, 0xff);
      ops[operation](dst, u8(0b1010, 0x0f));
      return [...dst];
    };
    expect(combined('bitmapOr')).toEqual([0b1110, 0xff]);
    expect(combined('bitmapAnd')).toEqual([0b1000, 0x0f]);
    expect(combined('bitmapAndNot')).toEqual([0b0100, 0xf0]);
    const bitmap = u8(0, 0);
    expect(ops.bitmapSet(bitmap, u32(0, 9, 15, 9))).toBe(3);
    expect([...bitmap]).toEqual([1, 0b1000_0010]);
    expect(ops.bitmapClear(bitmap, u32(9, 9, 1))).toBe(1);
    const out = u8(7, 7, 7);
    ops.bitmapTest(bitmap, u32(15, 9, 0), out);
    expect([...out]).toEqual([1, 0, 1]);
  });

  test('byte tables: read, set, count up to 255', () => {
    const out = u8(0, 0);
    ops.bytesAt(u8(5, 6, 7), u32(2, 0), out);
    expect([...out]).toEqual([7, 5]);
    const table = u8(1, 2, 3);
    expect(ops.setBytesAt(table, u32(0, 1, 1), 2)).toBe(1);
    expect([...table]).toEqual([2, 2, 3]);
    const counts = u8(254, 3);
    expect(ops.increment(counts, u32(1))).toBe(4);
    expect(ops.increment(counts, u32(0, 0, 1))).toBe(255);
    expect([...counts]).toEqual([255, 5]);
    expect(ops.increment(counts, u32())).toBe(0);
  });

  test('runs join neighbours across absent pages, and say when they do not fit', () => {
    const slots = u32(4, 5, NOT_MAPPED, 6, 2, 3, 3, NOT_MAPPED);
    const out = new Uint32Array(6);
    expect(ops.runs(slots, out)).toBe(3);
    expect([...out]).toEqual([4, 3, 2, 2, 3, 1]);
    expect(ops.runs(slots, out.subarray(0, 5))).toBe(-1);
    expect(ops.runs(u32(NOT_MAPPED), u32())).toBe(0);
  });

  test('zero pages are found, even where only the last byte differs', () => {
    const base = pagesOf(0, 0, 0, 9);
    base[2 * PAGE - 1] = 1;
    const flags = u8(7, 7, 7, 7, 7);
    expect(ops.zeroPages(base, u32(0, 1, 2, 3, NOT_MAPPED), flags)).toBe(2);
    expect([...flags]).toEqual([1, 0, 1, 0, 0]);
  });

  test('a zero page is elided unless it was sent before; an absent one never', () => {
    const types = u8(0, 0, 0, 0);
    const slots = u32(0, 1, 2, NOT_MAPPED);
    expect(ops.elideZeroPages(pagesOf(0, 0, 9), u32(8, 9, 10, 11), u8(0, 0b10), types, slots)).toBe(1);
    expect([...types]).toEqual([0xe, 0, 0, 0]);
    expect([...slots]).toEqual([NOT_MAPPED, 1, 2, NOT_MAPPED]);
  });

  test('pages of types without data lose their slots; those of types with data that have none are counted', () => {
    const slots = u32(1, 2, 3, 4, NOT_MAPPED, NOT_MAPPED);
    expect(ops.dropDataless(u8(0xd, 0xe, 0xf, 0xc, 0x1, 0xf), slots)).toBe(1);
    expect([...slots]).toEqual([NOT_MAPPED, NOT_MAPPED, NOT_MAPPED, 4, NOT_MAPPED, NOT_MAPPED]);
  });

  test('present lists the gfns that have slots, in place if need be', () => {
    const gfns = u32(10, 11, 12);
    expect(ops.present(gfns, u32(NOT_MAPPED, 0, 5), gfns)).toBe(2);
    expect([...gfns]).toEqual([11, 12, 12]);
  });

  test('gather and scatter pass over absent pages', () => {
    const out = pagesOf(0, 0, 0, 0);
    expect(ops.gather(pagesOf(1, 2, 3), u32(1, NOT_MAPPED, 2, 0), out)).toBe(3);
    expect(firstBytes(out)).toEqual([2, 3, 1, 0]);
    const base = pagesOf(0, 0, 0);
    expect(ops.scatter(pagesOf(7, 8), base, u32(2, NOT_MAPPED, 0))).toBe(2);
    expect(firstBytes(base)).toEqual([8, 0, 7]);
  });

  test('PAGE_DATA entries are laid out as the stream has them', () => {
    const out = new Uint8Array(16);
    ops.encodePfns(u32(0x12345678, 0xffffffff), u8(0x0, 0xf), out);
    expect(Buffer.from(out).toString('hex')).toBe('7856341200000000ffffffff000000f0');
    const gfns = new Uint32Array(2);
    const types = new Uint8Array(2);
    expect(ops.decodePfns(out, 2 ** 32, gfns, types)).toBe(1);
    expect([[...gfns], [...types]]).toEqual([
      [0x12345678, 0xffffffff],
      [0x0, 0xf],
    ]);
  });

  test.each<[string, bigint]>([
    ['reserved bits', 1n << 52n],
    ['the last reserved bit', 1n << 59n],
    ['an unknown type', 5n << 60n],
    ['a pinned page that is no page table', 8n << 60n],
    ['a gfn at the limit', 100n],
    ['a gfn beyond 32 bits', 1n << 51n],
  ])('decodePfns refuses %s', (_, bad) => {
    const entries = new Uint8Array(BigUint64Array.of(99n, bad).buffer);
    expect(ops.decodePfns(entries, 100, new Uint32Array(2), new Uint8Array(2))).toBe(-2);
  });

  // From mmh3 5.3.0 (PyPI): mmh3.hash_bytes(page, 0, False)
  test.each<[string, (i: number) => number, string]>([
    ['zeroes', () => 0, '84bd8b9b40c4ccfa7bb6d9ac26c40a5e'],
    ['ones', () => 255, '6ec259f3ac13c8f0a0d6303a791cf281'],
    ['bytes that vary', (i) => (i * 7 + (i >> 8)) & 255, '4325cacf3dc81e1005c4ccf0cb3f5550'],
    ['a last byte of 1', (i) => (i === PAGE - 1 ? 1 : 0), '72a4855cc591ac1e8a5db291516db55f'],
  ])('the digest of a page of %s is that of MurmurHash3 x86_128', (_, byte, digest) => {
    const out = new Uint8Array(32).fill(1);
    ops.digestPages(
      Uint8Array.from({ length: PAGE }, (_, i) => byte(i)),
      u32(NOT_MAPPED, 0),
      out,
    );
    expect(Buffer.from(out).toString('hex')).toBe('00'.repeat(16) + digest);
  });

  test('prefault makes memory resident and changes nothing', () => {
    const size = 64 << 20;
    const memory = new Uint8Array(new SharedArrayBuffer(size));
    memory[3 * PAGE] = 42;
    ops.prefault(memory);
    // In all: the allocator may hand out memory that is resident already.
    expect(process.memoryUsage.rss()).toBeGreaterThan(0.9 * size);
    expect(memory[3 * PAGE]).toBe(42);
  });
});
