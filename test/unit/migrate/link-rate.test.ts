import { LinkRate } from '../../../src/migrate/send/link-rate.js';

test('nothing is known until pages have been taken', () => {
  const link = new LinkRate();
  expect(link.pagesPerSecond(5)).toBe(Number.POSITIVE_INFINITY);
  link.begin(64, 10);
  expect(link.pagesPerSecond(500)).toBe(Number.POSITIVE_INFINITY);
});

test('only the time in which the transport had pages counts', () => {
  const link = new LinkRate();
  link.begin(100, 1_000);
  link.end(100, 1_100);
  expect(link.pagesPerSecond(60_000)).toBe(1000);
  link.begin(100, 60_000);
  link.begin(100, 60_050);
  link.end(100, 60_100);
  expect(link.pagesPerSecond(60_100)).toBe(1000);
  link.end(100, 60_200);
  expect(link.pagesPerSecond(90_000)).toBe(1000);
});

test('batches without data say nothing of the link', () => {
  const link = new LinkRate();
  link.begin(100, 0);
  link.end(100, 100);
  link.begin(0, 200);
  link.end(0, 9_000);
  expect(link.pagesPerSecond(9_000)).toBe(1000);
});

test('a transport that takes no more is slower by the moment', () => {
  const link = new LinkRate();
  link.begin(100, 0);
  link.end(100, 100);
  link.begin(100, 100);
  expect(link.pagesPerSecond(1_000)).toBe(100);
});
