/** What the conformance fixture and the program in the lab's guests say to each other. */
import { decodeFrames, decodeWords, encodePlaces } from '../xen-lab/conformance/encoding.js';

test('places are named as ascending runs, in the order given', () => {
  expect(encodePlaces([])).toBe('');
  expect(encodePlaces([7])).toBe('7');
  expect(encodePlaces([0, 1, 2, 3, 70, 71, 90])).toBe('0-3,70-71,90');
  expect(encodePlaces([3, 2, 1])).toBe('3,2,1');
  expect(encodePlaces([5, 5])).toBe('5,5');
});

test('frames come as hexadecimal runs', () => {
  expect([...decodeFrames('1f00+3,8000')]).toEqual([0x1f00, 0x1f01, 0x1f02, 0x8000]);
});

test('words come with how often each is repeated', () => {
  expect([...decodeWords('c0de*3,5,ffffffff')]).toEqual([0xc0de, 0xc0de, 0xc0de, 5, 0xffffffff]);
  expect([...decodeWords('')]).toEqual([]);
});

test('an answer that is no number is an error that quotes it', () => {
  expect(() => decodeWords('pages')).toThrow('"pages"');
  expect(() => decodeFrames('-5')).toThrow('"-5"');
});
