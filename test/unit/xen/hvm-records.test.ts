/** Records of HVM domains come from a stream, so they are hostile until checked. */
import fc from 'fast-check';
import { HvmParam, SAVED_PARAMS } from '../../../src/backends/xen/hvm-params.js';
import type { Param } from '../../../src/backends/xen/params.js';
import { checkContext, decodeParams, encodeParams } from '../../../src/backends/xen/platform-state/hvm-records.js';
import { decodeTscInfo, encodeTscInfo } from '../../../src/backends/xen/platform-state/tsc-info.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function entry(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(8 + length);
  bytes.writeUInt16LE(type, 0);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

const HEADER = entry(1, 16);
const CPU = entry(2, 100);
const END = entry(0, 0);

describe('HVM_PARAMS', () => {
  test('survive the way there and back', () => {
    const params = fc.array(fc.tuple(fc.constantFrom(...SAVED_PARAMS), u64), { maxLength: 40 });
    fc.assert(
      fc.property(params, (list) => {
        expect(decodeParams(encodeParams(list as Param[]))).toEqual(list);
      }),
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(4)],
    ['fewer bytes than it says', encodeParams([[HvmParam.STORE_PFN, 1n]]).subarray(0, 16)],
    ['more bytes than it says', Buffer.concat([encodeParams([[HvmParam.STORE_PFN, 1n]]), Buffer.alloc(1)])],
    ['a count without end', Buffer.alloc(24, 0xff)],
    // The hypervisor has params that a stream has no business to set.
    ['a param that does not travel', encodeParams([[0, 1n]])],
    ['an index beyond all', encodeParams([[2 ** 40, 1n]])],
  ])('%s is refused', (_, body) => {
    expect(() => decodeParams(body)).toThrow(RangeError);
  });
});

describe('HVM_CONTEXT', () => {
  test('a header, entries and an end are taken', () => {
    expect(() => checkContext(Buffer.concat([HEADER, CPU, END]))).not.toThrow();
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no header', Buffer.concat([CPU, END])],
    ['no end', Buffer.concat([HEADER, CPU])],
    ['bytes behind the end', Buffer.concat([HEADER, END, Buffer.alloc(8)])],
    ['an endless entry', Buffer.concat([HEADER, Buffer.alloc(8, 0xff)])],
    ['a megabyte of ones', Buffer.alloc(1 << 20, 0xff)],
  ])('%s is refused', (_, body) => {
    expect(() => checkContext(body)).toThrow(RangeError);
  });

  test('cut anywhere, it is refused', () => {
    const whole = Buffer.concat([HEADER, CPU, CPU, END]);
    for (let length = 0; length < whole.length; length++)
      expect(() => checkContext(whole.subarray(0, length))).toThrow(RangeError);
  });
});

test('X86_TSC_INFO survives the way there and back, and has one length only', () => {
  const tsc = fc.record({ mode: u32, khz: u32, nsec: u64, incarnation: u32 });
  fc.assert(fc.property(tsc, (info) => expect(decodeTscInfo(encodeTscInfo(info))).toEqual(info)));
  for (const length of [0, 23, 25, 4096]) expect(() => decodeTscInfo(Buffer.alloc(length))).toThrow(RangeError);
});
