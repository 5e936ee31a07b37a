/** The bearer token of a host's API. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const MIN_LENGTH = 16;
export const TOKEN_VARIABLE = 'XENFERRY_TOKEN';

/** All hosts and commands of one user share this file unless told otherwise. */
export function defaultTokenFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'xenferry', 'token');
}

/** The environment's token, or the file's. Undefined if there is neither; throws if it can be read by others or is too short. */
export function readToken(file?: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const fromEnv = file === undefined ? env[TOKEN_VARIABLE] : undefined;
  return fromEnv === undefined ? readTokenFile(file ?? defaultTokenFile(env)) : checked(fromEnv, TOKEN_VARIABLE);
}

/** As {@link readToken}; a token is made, and kept in the file (0600), if there is none. */
export function ensureToken(file?: string, env: NodeJS.ProcessEnv = process.env): string {
  const existing = readToken(file, env);
  if (existing !== undefined) return existing;
  const path = file ?? defaultTokenFile(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    // 'wx': of two hosts that start at once, one makes the file and the other reads it.
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readToken(path, {}) as string;
}

/** In constant time, whatever the lengths. */
export function sameToken(offered: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(offered), digest(expected));
}

function readTokenFile(path: string): string | undefined {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new Error(`others can read the token file ${path}: chmod 600 it`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return checked(text.trim(), path);
}

function checked(token: string, where: string): string {
  if (token.length >= MIN_LENGTH && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new Error(`the token in ${where} must be at least ${MIN_LENGTH} printable characters`);
}
