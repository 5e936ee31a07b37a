/** `xenferry host` as a child process, for as long as its parent needs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { HostClient } from '../../host/client.js';
import { TOKEN_VARIABLE } from '../../host/token.js';
import { exitName } from '../exit-codes.js';
import { CliError } from '../failure.js';

const MAIN = join(__dirname, '..', 'main.js');
const TETHER = join(__dirname, 'tether.js');
/** A host that does not end within this when asked to is killed. */
const END_MS = 2000;
/** Of what it said on stderr, to explain why it did not start. */
const KEPT_CHARS = 4000;

export interface HostProcessOptions {
  readonly name: string;
  /** RAM for domains, touched before the host says that it is there. */
  readonly memoryBytes: number;
  /** Node's own, such as --cpu-prof. */
  readonly execArgv?: readonly string[];
}

export class HostProcess implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly token: string,
    readonly client: HostClient,
  ) {}

  /** Resolves when the host listens, on a free port of the loopback. */
  static async start({ name, memoryBytes, execArgv = [] }: HostProcessOptions): Promise<HostProcess> {
    const token = randomBytes(32).toString('base64url');
    const host = ['--json', 'host', '--port', '0', '--name', name, '--memory', String(memoryBytes)];
    const child = spawn(process.execPath, [...execArgv, '--require', TETHER, MAIN, ...host], {
      env: { ...process.env, [TOKEN_VARIABLE]: token },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    try {
      const url = await listening(child, name);
      return new HostProcess(child, url, token, new HostClient({ url: new URL(url), token }));
    } catch (error) {
      await end(child);
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid as number;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.child);
  }
}

/** The URL that the host says on stdout, or why it says none. */
function listening(child: ChildProcess, name: string): Promise<string> {
  const said = lastChars(child.stderr as Readable);
  const failed = (why: string): CliError => new CliError('INTERNAL', `host ${name} ${why}\n${said()}`.trimEnd());
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(failed(`cannot be started: ${error.message}`)));
    child.once('exit', (code, signal) => reject(failed(`ended with ${signal ?? code} as it started`)));
    createInterface({ input: child.stdout as Readable }).once('line', (line) => {
      const { url, error } = JSON.parse(line) as { url?: string; error?: FailureDocument };
      if (url !== undefined) resolve(url);
      else reject(error ? new CliError(exitName(error.exit), error.message, error.remedy) : failed(`says ${line}`));
    });
  });
}

/** What a command with --json says when it fails; see failure.ts. */
interface FailureDocument {
  readonly exit: number;
  readonly message: string;
  readonly remedy?: string;
}

function lastChars(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-KEPT_CHARS);
  });
  return () => text;
}

/** Resolves when the process is gone. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(timer);
}
