import {
  formatBitRate,
  formatMs,
  formatRate,
  formatSize,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../../../src/cli/units.js';

test.each([
  ['512M', 512 * 2 ** 20],
  ['512MB', 512 * 2 ** 20],
  ['1GiB', 2 ** 30],
  ['1.5g', 1.5 * 2 ** 30],
  ['4096', 4096],
  ['64 k', 65536],
])('size %s', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', '0', '-1M', 'M', '1X', '1e9', '0.3', '9999999T', '1 M M', '0x10'])('size %p is refused', (text) => {
  expect(() => parseSize(text)).toThrow('write a size');
});

test.each([
  ['100Mbit', 12.5e6],
  ['1Gbit', 125e6],
  ['1Gbit/s', 125e6],
  ['20MB/s', 20e6],
  ['20MiB/s', 20 * 2 ** 20],
  ['1.5 kB', 1500],
])('rate %s', (text, bytesPerSecond) => {
  expect(parseRate(text)).toBe(bytesPerSecond);
});

test.each(['', '100', '100M', '0Mbit', '-1Mbit', 'Mbit', '1Mbit/h'])('rate %p is refused', (text) => {
  expect(() => parseRate(text)).toThrow('write a rate');
});

test('durations and counts', () => {
  expect(['300', '300ms', '2s', '1.5s', '1m'].map(parseDuration)).toEqual([300, 300, 2000, 1500, 60_000]);
  for (const text of ['', '0', '-1s', '1h', 's']) expect(() => parseDuration(text)).toThrow('write a duration');
  expect(parseCount(1, 8)('8')).toBe(8);
  for (const text of ['0', '9', '1.5', '', 'x', '-1']) expect(() => parseCount(1, 8)(text)).toThrow('from 1 to 8');
});

test('what is shown', () => {
  expect([0, 512, 4096, 1536 * 1024, 2 ** 30].map(formatSize)).toEqual(['0 B', '512 B', '4 KiB', '1.5 MiB', '1 GiB']);
  expect(formatRate(125e6)).toBe('119 MiB/s');
  expect([12.5, 1000, 12.5e6, 125e6, 1.25e9].map(formatBitRate)).toEqual([
    '100 bit/s',
    '8 kbit/s',
    '100 Mbit/s',
    '1 Gbit/s',
    '10 Gbit/s',
  ]);
  expect([0.35, 12.34, 999, 1500, 125_000].map(formatMs)).toEqual([
    '0.35 ms',
    '12.3 ms',
    '999 ms',
    '1.5 s',
    '2 min 5 s',
  ]);
});
