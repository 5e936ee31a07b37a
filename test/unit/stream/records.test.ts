import {
  decodeBitmap,
  decodeCapabilities,
  decodeHello,
  decodeReason,
  decodeRequests,
  decodeText,
  encodeBitmap,
  encodeCapabilities,
  encodeHello,
  encodeReason,
  encodeRequests,
  encodeText,
  Feature,
  MAX_REASON,
  type StreamCapabilities,
} from '../../../src/migrate/stream/index.js';
import { concat } from '../../support/memory-channel.js';
import { hex, u32, u64 } from '../../support/streams.js';

const CAPABILITIES: StreamCapabilities = {
  features: Feature.STAGE3 | Feature.EVICT_AHEAD,
  migrationId: new Uint8Array(16).fill(0xaa),
  nrGfns: 0x10203,
  maxPages: 0x10000,
  vcpus: 4,
  token: new Uint8Array(32).fill(0xbb),
  address: '[::1]:7000',
};
const encoded = encodeCapabilities(CAPABILITIES);
const code = (name: string) => expect.objectContaining({ name: 'StreamError', code: name, offset: 40 });

test('CAPABILITIES lies in memory as documented', () => {
  const fixed = concat([u32(1), u32(3), CAPABILITIES.migrationId, u32(0x10203), u32(0x10000), u32(4), u32(10)]);
  expect(encoded).toEqual(concat([fixed, CAPABILITIES.token, Buffer.from('[::1]:7000')]));
  expect(decodeCapabilities(encoded, 40)).toEqual(CAPABILITIES);
});

test.each<[string, Uint8Array, string]>([
  ['another protocol', encoded.with(0, 2), 'NOT_XENFERRY'],
  ['a feature that is not known', encoded.with(7, 0x80), 'NOT_XENFERRY'],
  ['no gfns', encodeCapabilities({ ...CAPABILITIES, nrGfns: 0 }), 'BAD_FIELD'],
  ['more gfns than a bitmap holds', encodeCapabilities({ ...CAPABILITIES, nrGfns: 2 ** 30 }), 'BAD_FIELD'],
  ['no memory', encodeCapabilities({ ...CAPABILITIES, maxPages: 0 }), 'BAD_FIELD'],
  ['no vCPU', encodeCapabilities({ ...CAPABILITIES, vcpus: 0 }), 'BAD_FIELD'],
  ['8193 vCPUs', encodeCapabilities({ ...CAPABILITIES, vcpus: 8193 }), 'BAD_FIELD'],
  ['an address that is cut', encoded.subarray(0, -1), 'BAD_LENGTH'],
  ['an address length of 4 GiB', encoded.with(39, 0xff), 'BAD_LENGTH'],
  ['an address that is not UTF-8', encoded.with(encoded.length - 1, 0xff), 'BAD_FIELD'],
])('CAPABILITIES with %s is refused', (_, body, expected) => {
  expect(() => decodeCapabilities(body, 40)).toThrow(code(expected));
});

test('what has the wrong size cannot be encoded', () => {
  expect(() => encodeCapabilities({ ...CAPABILITIES, token: new Uint8Array(31) })).toThrow(RangeError);
  expect(() => encodeCapabilities({ ...CAPABILITIES, migrationId: new Uint8Array(15) })).toThrow(RangeError);
  expect(() => encodeCapabilities({ ...CAPABILITIES, address: 'x'.repeat(256) })).toThrow(RangeError);
  expect(() => encodeHello({ purpose: 'push', migrationId: new Uint8Array(0) })).toThrow(RangeError);
  expect(() => encodeBitmap(17, new Uint8Array(2))).toThrow(RangeError);
});

test('HELLO', () => {
  const hello = { purpose: 'urgent', migrationId: CAPABILITIES.migrationId } as const;
  const body = encodeHello(hello);
  expect(body).toEqual(concat([u32(1), u32(2), hello.migrationId]));
  expect(decodeHello(body, 40)).toEqual(hello);
  expect(() => decodeHello(body.with(0, 9), 40)).toThrow(code('NOT_XENFERRY'));
  expect(() => decodeHello(body.with(4, 3), 40)).toThrow(code('BAD_FIELD'));
});

test('a bitmap is not copied, but for the bits past its pages, which are cleared', () => {
  const bitmap = hex('0180ff');
  const chunks = encodeBitmap(20, bitmap);
  expect(concat(chunks)).toEqual(concat([u64(20), hex('01800f')]));
  expect(chunks[1].buffer).toBe(bitmap.buffer);
  expect(concat(encodeBitmap(24, bitmap))).toEqual(concat([u64(24), bitmap]));
  expect(concat(encodeBitmap(0, bitmap))).toEqual(u64(0));
  expect(bitmap).toEqual(hex('0180ff'));
});

test.each<[string, Uint8Array, string]>([
  ['another number of pages', concat([u64(21), hex('01800f')]), 'BAD_COUNT'],
  ['2^64 - 1 pages', concat([u64(2n ** 64n - 1n), hex('01800f')]), 'BAD_COUNT'],
  ['a byte too few', concat([u64(20), hex('0180')]), 'BAD_LENGTH'],
  ['a byte too many', concat([u64(20), hex('01800f00')]), 'BAD_LENGTH'],
  ['a bit too many', concat([u64(20), hex('01801f')]), 'BAD_RESERVED'],
])('a bitmap with %s is refused', (_, body, expected) => {
  expect(() => decodeBitmap(body, 20, 40)).toThrow(code(expected));
});

test('a good bitmap is a view of its body', () => {
  const body = concat([u64(20), hex('01800f')]);
  expect(decodeBitmap(body, 20, 40)).toEqual(hex('01800f'));
  expect(decodeBitmap(body, 20, 40).buffer).toBe(body.buffer);
});

test('REQUEST', () => {
  const requests = [
    { wanted: 9, first: 2, count: 98 },
    { wanted: 99, first: 0, count: 0 },
  ];
  const body = encodeRequests(requests);
  expect(body.subarray(0, 16)).toEqual(concat([u32(9), u32(2), u32(98), u32(0)]));
  expect(decodeRequests(body, 100, 40)).toEqual(requests);
  expect(() => decodeRequests(body, 99, 40)).toThrow(code('BAD_PFN'));
  expect(() => decodeRequests(encodeRequests([{ wanted: 1, first: 3, count: 98 }]), 100, 40)).toThrow(code('BAD_PFN'));
  const wraps = encodeRequests([{ wanted: 1, first: 0xffffffff, count: 0xffffffff }]);
  expect(() => decodeRequests(wraps, 100, 40)).toThrow(code('BAD_PFN'));
  expect(() => decodeRequests(body.subarray(0, 24), 100, 40)).toThrow(code('BAD_LENGTH'));
  expect(() => decodeRequests(body.with(12, 1), 100, 40)).toThrow(code('BAD_RESERVED'));
});

test('a reason is cut at a character, and its control characters do not reach a terminal', () => {
  const long = encodeReason(`${'x'.repeat(MAX_REASON - 1)}é`);
  expect(decodeReason(long, 40)).toBe('x'.repeat(MAX_REASON - 1));
  expect(decodeReason(encodeReason('no\u001b[2Jmem\u202eory\n'), 40)).toBe('no\ufffd[2Jmem\ufffdory\ufffd');
  expect(() => decodeReason(hex('ff'), 40)).toThrow(code('BAD_FIELD'));
});

test('a text comes back as it went', () => {
  expect(decodeText(encodeText('\ufeff{"faults":1}'), 40)).toBe('\ufeff{"faults":1}');
});
