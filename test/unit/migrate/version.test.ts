import { isNewer, versionText } from '../../../src/migrate/version.js';

test.each([
  ['4.17', '4.17', false],
  ['4.18', '4.17', true],
  ['4.9', '4.17', false],
  ['5.0', '4.17', true],
  ['3.99', '4.0', false],
])('%s is newer than %s: %s', (a, b, expected) => {
  const version = (text: string) => ({ major: Number(text.split('.')[0]), minor: Number(text.split('.')[1]) });
  expect(isNewer(version(a), version(b))).toBe(expected);
  expect(versionText(version(a))).toBe(a);
});
