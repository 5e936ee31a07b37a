import { checkBind, isLoopback, isWildcard } from '../../../src/transport/index.js';

const BASE = { authenticated: true, tls: false, insecurePlaintext: false };

test.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', '::ffff:127.0.0.1'])('%s is loopback', (host) => {
  expect(isLoopback(host)).toBe(true);
  expect(() => checkBind({ ...BASE, authenticated: false, host })).not.toThrow();
});

test.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  'example.org',
  '127.example.org',
  '',
  '1270.0.0.1',
  '128.0.0.1',
  '::ffff:128.0.0.1',
])('%p is not', (host) => {
  expect(isLoopback(host)).toBe(false);
  expect(() => checkBind({ ...BASE, host })).toThrow('--tls-cert');
  expect(() => checkBind({ ...BASE, host, tls: true, authenticated: false })).toThrow('--token-file');
  expect(() => checkBind({ ...BASE, host, tls: true })).not.toThrow();
  expect(() => checkBind({ ...BASE, host, insecurePlaintext: true })).not.toThrow();
});

test('wildcards', () => {
  expect(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', ''].map(isWildcard)).toEqual([true, true, true, true]);
  expect(['127.0.0.1', '::1', 'localhost'].map(isWildcard)).toEqual([false, false, false]);
});
