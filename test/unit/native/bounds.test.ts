/** Every bound is checked, by either implementation: one call for each that breaks it and nothing else. */
import type { PageOps } from '../../../src/native/page-ops.js';
import { NOT_MAPPED, PAGE } from './arbitraries.js';
import { describeAddon, describeBoth, type OperationName } from './implementations.js';
import { buffersOf, outcomeOf } from './outcome.js';

type Breach = { [K in OperationName]: [name: K, args: Parameters<PageOps[K]>, message: string] }[OperationName];

const u8 = (length: number): Uint8Array => new Uint8Array(length);
const u32 = (length: number): Uint32Array => new Uint32Array(length);
const at = (...values: number[]): Uint32Array => Uint32Array.from(values);
/** Room for slot 0, and one byte short of slot 1. */
const onePage = (): Uint8Array => u8(2 * PAGE - 1);

const BREACHES: Breach[] = [
  ['bitmapToGfns', [u8(1), 9, 0, u32(9)], 'pages must be an integer from 0 to 8'],
  ['bitmapToGfns', [u8(1), -1, 0, u32(9)], 'pages must be an integer from 0 to 8'],
  ['bitmapToGfns', [u8(1), Number.NaN, 0, u32(9)], 'pages must be an integer from 0 to 8'],
  ['bitmapToGfns', [u8(1), 8, 9, u32(9)], 'start must be an integer from 0 to 8'],
  ['bitmapToGfns', [u8(1), 8, 0.5, u32(9)], 'start must be an integer from 0 to 8'],
  ['bitmapCount', [u8(2), 17], 'pages must be an integer from 0 to 16'],
  ['bitmapOr', [u8(2), u8(1)], 'dst and src differ in length'],
  ['bitmapAnd', [u8(1), u8(2)], 'dst and src differ in length'],
  ['bitmapAndNot', [u8(0), u8(1)], 'dst and src differ in length'],
  ['bitmapSet', [u8(1), at(7, 8)], 'gfns[1] is not below 8'],
  ['bitmapSet', [u8(1), at(0xffffffff)], 'gfns[0] is not below 8'],
  ['bitmapClear', [u8(1), at(7, 8)], 'gfns[1] is not below 8'],
  ['bitmapTest', [u8(1), at(7, 8), u8(2)], 'gfns[1] is not below 8'],
  ['bitmapTest', [u8(1), at(6, 7), u8(1)], 'out has 1 elements, needs 2'],
  ['bytesAt', [u8(3), at(3), u8(1)], 'indices[0] is not below 3'],
  ['bytesAt', [u8(3), at(1, 2), u8(1)], 'out has 1 elements, needs 2'],
  ['setBytesAt', [u8(3), at(0, 3), 1], 'indices[1] is not below 3'],
  ['setBytesAt', [u8(3), at(0), 256], 'value must be an integer from 0 to 255'],
  ['increment', [u8(3), at(0, 3)], 'gfns[1] is not below 3'],
  ['zeroPages', [onePage(), at(0, 1), u8(2)], 'slots[1] is not below 1'],
  ['zeroPages', [onePage(), at(NOT_MAPPED - 1), u8(2)], 'slots[0] is not below 1'],
  ['zeroPages', [onePage(), at(0, NOT_MAPPED), u8(1)], 'flags has 1 elements, needs 2'],
  ['dropDataless', [u8(2).fill(0xe), u32(1)], 'types and slots differ in length'],
  ['elideZeroPages', [onePage(), at(0), u8(1), u8(2), at(0)], 'gfns and types differ in length'],
  ['elideZeroPages', [onePage(), at(0), u8(1), u8(1), at(0, 0)], 'gfns and slots differ in length'],
  ['elideZeroPages', [onePage(), at(0, 8), u8(1), u8(2), at(0, 0)], 'gfns[1] is not below 8'],
  ['elideZeroPages', [onePage(), at(0, 0), u8(1), u8(2), at(0, 1)], 'slots[1] is not below 1'],
  ['present', [at(1, 2), at(0), u32(2)], 'gfns and slots differ in length'],
  ['present', [at(1, 2), at(0, 0), u32(1)], 'out has 1 elements, needs 2'],
  ['gather', [onePage(), at(0, 1), u8(2 * PAGE)], 'slots[1] is not below 1'],
  ['gather', [onePage(), at(0, 0), u8(2 * PAGE - 1)], 'out has 8191 elements, needs 8192'],
  ['scatter', [u8(2 * PAGE), onePage(), at(0, 1)], 'slots[1] is not below 1'],
  ['scatter', [u8(2 * PAGE - 1), onePage(), at(0, 0)], 'source has 8191 elements, needs 8192'],
  ['digestPages', [onePage(), at(0, 1), u8(32)], 'slots[1] is not below 1'],
  ['digestPages', [onePage(), at(0, NOT_MAPPED), u8(31)], 'out has 31 elements, needs 32'],
  ['encodePfns', [at(1), u8(2), u8(16)], 'gfns and types differ in length'],
  ['encodePfns', [at(1, 2), u8(2).fill(16, 1), u8(16)], 'types[1] is not below 16'],
  ['encodePfns', [at(1, 2), u8(2), u8(15)], 'out has 15 elements, needs 16'],
  ['decodePfns', [u8(15), 9, u32(2), u8(2)], 'entries has 15 elements, needs a multiple of 8'],
  ['decodePfns', [u8(16), 2 ** 32 + 1, u32(2), u8(2)], 'limit must be an integer from 0 to 4294967296'],
  ['decodePfns', [u8(16), 9, u32(1), u8(2)], 'gfns has 1 elements, needs 2'],
  ['decodePfns', [u8(16), 9, u32(2), u8(1)], 'types has 1 elements, needs 2'],
];

describeBoth((ops) => {
  test.each(BREACHES)('%s %#', (name, args, message) => {
    const before = buffersOf(args);
    expect(outcomeOf(ops, name, args)).toEqual({ error: `RangeError: ${message}`, buffers: before });
  });
});

describeAddon('native takes nothing but the right arrays', (native) => {
  // Told by name: the addon's errors are of node's own realm, not of the one in which jest runs tests.
  const bitmapOr = native.bitmapOr as (...args: unknown[]) => void;
  const errorOf = (...args: unknown[]): string => {
    try {
      return String(bitmapOr(...args));
    } catch (error) {
      return String(error);
    }
  };

  test.each([undefined, null, 5, 'x', {}, u32(1), new Uint8ClampedArray(4), new DataView(new ArrayBuffer(4))])(
    '%p is no Uint8Array',
    (wrong) => {
      expect(errorOf(wrong, u8(4))).toBe('TypeError: argument 1 must be a Uint8Array');
      expect(errorOf(u8(4), wrong)).toBe('TypeError: argument 2 must be a Uint8Array');
    },
  );

  test('a detached array is an empty one', () => {
    const buffer = new ArrayBuffer(64);
    const bitmap = new Uint8Array(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    expect(native.bitmapCount(bitmap, 0)).toBe(0);
    expect(() => native.bitmapSet(bitmap, at(0))).toThrow('gfns[0] is not below 0');
  });
});
