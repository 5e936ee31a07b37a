/** What PV domains have in a stream, and what of it is rewritten at the destination. */
import { StartInfo, VcpuContext } from '../../../src/backends/xen/pv/layout.js';
import {
  decodeP2mFrames,
  decodePvInfo,
  decodeVcpu,
  encodeP2mFrames,
  encodeVcpu,
  PV_INFO_64BIT,
  VcpuFits,
} from '../../../src/backends/xen/pv/records.js';
import { mergeSharedInfo, p2mPlace } from '../../../src/backends/xen/pv/shared-info.js';
import { renewStartInfo } from '../../../src/backends/xen/pv/start-info.js';
import { contextFromStream, contextToStream } from '../../../src/backends/xen/pv/vcpu-context.js';

describe('X86_PV_INFO', () => {
  test('names the width of a guest', () => {
    expect(decodePvInfo(PV_INFO_64BIT)).toBe(8);
    expect(decodePvInfo(Uint8Array.of(4, 3, 0, 0, 0, 0, 0, 0))).toBe(4);
  });

  test.each([[[8, 3]], [[4, 4]], [[0, 0]]])('%p is no guest', ([width, levels]) => {
    expect(() => decodePvInfo(Uint8Array.of(width, levels, 0, 0, 0, 0, 0, 0))).toThrow(RangeError);
  });

  test('has 8 bytes', () => expect(() => decodePvInfo(Uint8Array.of(8, 4))).toThrow(RangeError));
});

describe('X86_PV_P2M_FRAMES', () => {
  const two = encodeP2mFrames(513, Uint32Array.of(7, 0xfffffffe));

  function withWord(body: Buffer, value: number, offset: number): Buffer {
    body.writeUInt32LE(value, offset);
    return body;
  }

  test('goes round', () => {
    expect(decodeP2mFrames(two)).toEqual({ firstPfn: 0, lastPfn: 512, leaves: Uint32Array.of(7, 0xfffffffe) });
  });

  test.each([
    ['too few bytes', (b: Buffer) => b.subarray(0, 7)],
    ['a frame too few', (b: Buffer) => b.subarray(0, 16)],
    ['the end before the beginning', (b: Buffer) => withWord(b, 600, 0)],
    ['more pfns than frames', (b: Buffer) => withWord(b, 0xffffffff, 4)],
    ['a frame beyond all pfns', (b: Buffer) => withWord(b, 1, 12)],
  ])('%s is refused', (_, damage) => {
    expect(() => decodeP2mFrames(damage(Buffer.from(two)))).toThrow(RangeError);
  });
});

describe('records of a vCPU', () => {
  const body = encodeVcpu(1, Buffer.alloc(16, 5));

  test('go round', () => expect(decodeVcpu(body, 2, VcpuFits.msrs)).toEqual({ vcpu: 1, blob: Buffer.alloc(16, 5) }));
  test('empty ones, which older senders made, say nothing', () => {
    expect(decodeVcpu(encodeVcpu(9, Buffer.alloc(0)), 2, VcpuFits.basic).blob).toHaveLength(0);
  });

  test('of a vCPU that is not there, of another length, or cut short are refused', () => {
    expect(() => decodeVcpu(body, 1, VcpuFits.msrs)).toThrow(RangeError);
    expect(() => decodeVcpu(body, 2, VcpuFits.basic)).toThrow(RangeError);
    expect(() => decodeVcpu(body.subarray(0, 7), 2, VcpuFits.msrs)).toThrow(RangeError);
    const extended = (length: number, says: number): Buffer => {
      const blob = Buffer.alloc(length);
      if (length >= 8) blob.writeUInt32LE(says, 4);
      return blob;
    };
    const lengths = [
      VcpuFits.extended(extended(129, 129)),
      VcpuFits.extended(extended(4, 4)),
      VcpuFits.extended(extended(36, 64)),
      VcpuFits.xsave(Buffer.alloc(424)),
      VcpuFits.xsave(Buffer.alloc(15)),
      VcpuFits.msrs(Buffer.alloc(17)),
    ];
    expect(VcpuFits.extended(extended(64, 64))).toBe(true);
    expect(lengths.every((fits) => !fits)).toBe(true);
  });
});

describe('registers', () => {
  /** A vCPU with two pages of GDT and page tables for the user. */
  function context(): Buffer {
    const registers = Buffer.alloc(VcpuContext.BYTES);
    registers.writeBigUInt64LE(0x10n, VcpuContext.RDX);
    registers.writeBigUInt64LE(513n, VcpuContext.GDT_ENTRIES);
    registers.writeBigUInt64LE(0x20n, VcpuContext.GDT_FRAMES);
    registers.writeBigUInt64LE(0x21n, VcpuContext.GDT_FRAMES + 8);
    registers.writeBigUInt64LE(0x22n, VcpuContext.GDT_FRAMES + 16);
    registers.writeBigUInt64LE(0x3000n, VcpuContext.CR1);
    registers.writeBigUInt64LE(0x4000n, VcpuContext.CR3);
    return registers;
  }
  const read = (registers: Buffer): bigint[] =>
    [
      VcpuContext.RDX,
      VcpuContext.GDT_FRAMES,
      VcpuContext.GDT_FRAMES + 8,
      VcpuContext.GDT_FRAMES + 16,
      VcpuContext.CR1,
      VcpuContext.CR3,
    ].map((offset) => registers.readBigUInt64LE(offset));

  test('travel as pfns and come back, the vCPU online', () => {
    const registers = context();
    const seen: string[] = [];
    contextToStream(registers, 0, (mfn, use, what) => {
      seen.push(`${what}: ${use}`);
      return mfn + 0x100n;
    });
    expect(seen).toEqual(['start_info: data', 'GDT page 0: data', 'GDT page 1: data', 'cr3: top', 'cr1: top']);
    expect(read(registers)).toEqual([0x110n, 0x120n, 0x121n, 0x22n, 0x103001n, 0x104000n]);
    contextFromStream(registers, 0, (pfn) => pfn - 0x100n);
    expect(read(registers)).toEqual(read(context()));
    expect(registers.readBigUInt64LE(VcpuContext.FLAGS)).toBe(0x20n);
  });

  test('only vCPU 0 leads to start_info, and not every one has page tables for the user', () => {
    const registers = context();
    registers.writeBigUInt64LE(0n, VcpuContext.CR1);
    contextToStream(registers, 1, (mfn) => mfn + 1n);
    expect(read(registers)).toEqual([0x10n, 0x21n, 0x22n, 0x22n, 0n, 0x5000n]);
  });

  test('with a GDT that is too long are refused', () => {
    const registers = context();
    registers.writeBigUInt64LE(7169n, VcpuContext.GDT_ENTRIES);
    expect(() => contextFromStream(registers, 1, (pfn) => pfn)).toThrow(RangeError);
  });
});

test('shared_info: vCPUs and the P2M’s place come along, event channels and the clock do not', () => {
  const page = new Uint8Array(4096).fill(1);
  mergeSharedInfo(page, new Uint8Array(4096).fill(2));
  expect([page[0], page[64 * 31 + 63]]).toEqual([2, 2]);
  expect([...page.subarray(8, 16), page[64 * 31 + 8]]).toEqual(new Array(9).fill(0));
  expect(page.subarray(2048, 2560).every((byte) => byte === 0)).toBe(true);
  expect(page.subarray(2560, 3072).every((byte) => byte === 0xff)).toBe(true);
  expect([page[3072], page[3087], page[3136]]).toEqual([1, 1, 1]);
  const twos = 0x0202020202020202n;
  expect(p2mPlace(page)).toEqual({ nrPfns: Number(twos), cr3: twos, vaddr: twos, frameListList: 0n, generation: twos });
});

test('start_info: rings by their new frames, ports, and where shared_info is', () => {
  const page = new Uint8Array(4096).fill(0xff);
  const view = new DataView(page.buffer);
  view.setBigUint64(StartInfo.STORE_MFN, 5n, true);
  view.setBigUint64(StartInfo.CONSOLE_MFN, 6n, true);
  const renewed = { nrPfns: 32768, sharedInfoFrame: 0xabcn, storePort: 1, consolePort: 2 };
  expect(renewStartInfo(page, renewed, (pfn) => pfn + 0x1000n)).toEqual({ store: 0x1005n, console: 0x1006n });
  expect(view.getBigUint64(StartInfo.STORE_MFN, true)).toBe(0x1005n);
  expect(view.getBigUint64(StartInfo.CONSOLE_MFN, true)).toBe(0x1006n);
  expect([view.getUint32(StartInfo.STORE_EVTCHN, true), view.getUint32(StartInfo.CONSOLE_EVTCHN, true)]).toEqual([
    1, 2,
  ]);
  expect(view.getBigUint64(StartInfo.NR_PAGES, true)).toBe(32768n);
  expect(view.getBigUint64(StartInfo.SHARED_INFO, true)).toBe(0xabc000n);
  expect(view.getUint32(StartInfo.FLAGS, true)).toBe(0);
});
