/** What every command gets from the global options. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { DEFAULT_PORT, hostUrl } from '../host/address.js';
import { HostClient } from '../host/client.js';
import { defaultTokenFile, readToken } from '../host/token.js';
import { CliError } from './failure.js';
import { untilListening } from './listening.js';
import { Output } from './output.js';

export interface GlobalOptions {
  readonly host?: string;
  readonly tokenFile?: string;
  readonly tlsCa?: string;
  readonly json?: boolean;
}

export const HOST_VARIABLE = 'XENFERRY_HOST';

export interface Context {
  readonly output: Output;
  readonly globals: GlobalOptions;
  /** The API of the host to talk to. */
  readonly url: URL;
  /** Waits for a host of this machine that is only starting; then the token is there as well. */
  connect(): Promise<HostClient>;
}

/** Token and certificate are read only by a command that connects. */
export function contextOf(command: Command): Context {
  const globals = command.optsWithGlobals<GlobalOptions>();
  const output = new Output(globals.json ?? false);
  const context = {
    globals,
    output,
    get url() {
      return parseHost(globals.host ?? process.env[HOST_VARIABLE] ?? `127.0.0.1:${DEFAULT_PORT}`);
    },
    async connect() {
      const { url } = context;
      await untilListening(url, output);
      return new HostClient({ url, token: tokenFrom(globals.tokenFile), ca: caFrom(globals.tlsCa) });
    },
  };
  return context;
}

export function parseHost(text: string): URL {
  try {
    return hostUrl(text);
  } catch (error) {
    throw new CliError('USAGE', (error as Error).message);
  }
}

export function tokenFrom(file?: string): string {
  const token = onFile(() => readToken(file));
  if (token !== undefined) return token;
  const where = file ?? defaultTokenFile();
  throw new CliError(
    'UNAUTHORIZED',
    `there is no token at ${where}`,
    'start "xenferry host" as this user, or copy its token file here (chmod 600)',
  );
}

function caFrom(file?: string): Buffer | undefined {
  return file === undefined ? undefined : onFile(() => readFileSync(file));
}

function onFile<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new CliError('USAGE', (error as Error).message);
  }
}
