import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PORT, hostUrl, plainHostname } from '../../../src/host/address.js';
import { defaultTokenFile, ensureToken, readToken, sameToken } from '../../../src/host/token.js';

const directory = mkdtempSync(join(tmpdir(), 'xenferry-token-'));
const env = { XDG_CONFIG_HOME: directory };

afterAll(() => rmSync(directory, { recursive: true }));

test('a token is made once, long, and for the owner alone', () => {
  expect(readToken(undefined, env)).toBeUndefined();
  const token = ensureToken(undefined, env);
  expect(token.length).toBeGreaterThanOrEqual(43);
  expect(ensureToken(undefined, env)).toBe(token);
  expect(readToken(undefined, env)).toBe(token);
  const file = defaultTokenFile(env);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8').trim()).toBe(token);
});

test('the environment goes before the default file, and a named file before both', () => {
  const file = join(directory, 'named');
  writeFileSync(file, 'from-the-named-file\n', { mode: 0o600 });
  const both = { ...env, XENFERRY_TOKEN: 'from-the-environment' };
  expect(readToken(undefined, both)).toBe('from-the-environment');
  expect(readToken(file, both)).toBe('from-the-named-file');
});

test('a file that others can read, or a short token, is refused with what to do', () => {
  const file = join(directory, 'open');
  writeFileSync(file, 'a-token-that-is-long-enough');
  chmodSync(file, 0o644);
  expect(() => readToken(file, env)).toThrow(`chmod 600`);
  chmodSync(file, 0o600);
  writeFileSync(file, 'short');
  expect(() => ensureToken(file, env)).toThrow('at least 16');
});

test('comparison', () => {
  expect(sameToken('a', 'a')).toBe(true);
  expect(sameToken('a', 'b')).toBe(false);
  expect(sameToken('', 'long one')).toBe(false);
});

test.each([
  ['10.0.0.2', `https://10.0.0.2:${DEFAULT_PORT}`],
  ['node2:99', 'https://node2:99'],
  ['127.0.0.1:7001', 'http://127.0.0.1:7001'],
  ['localhost', `http://localhost:${DEFAULT_PORT}`],
  [':7001', 'http://127.0.0.1:7001'],
  ['[::1]:7001', 'http://[::1]:7001'],
  ['http://10.0.0.2:7001', 'http://10.0.0.2:7001'],
  ['https://10.0.0.2', `https://10.0.0.2:${DEFAULT_PORT}`],
])('%s is %s', (text, origin) => {
  expect(hostUrl(text).origin).toBe(origin);
});

test('what is no host', () => {
  for (const text of ['', 'a b', 'http://x/path', 'http://u:p@x', 'x:99999', 'http://x?q']) {
    expect(() => hostUrl(text)).toThrow(TypeError);
  }
  expect(plainHostname(hostUrl('[::1]:1'))).toBe('::1');
});
