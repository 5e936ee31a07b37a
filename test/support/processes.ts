/** The command as its users run it: as processes of their own, all of which are ended and counted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(__dirname, '..', '..', 'src', 'cli', 'main.js');
/** A home of the tests' own: its token file is made by the first host. */
const HOME = mkdtempSync(join(tmpdir(), 'xenferry-cli-'));
const children = new Set<ChildProcess>();

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
}

export function start(...args: string[]): Running {
  const env = { PATH: process.env.PATH, XDG_CONFIG_HOME: HOME };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => stdout.push(part));
  child.stderr.on('data', (part: Buffer) => stderr.push(part));
  const ended = new Promise<Outcome>((resolve) => {
    child.once('close', (code) => {
      children.delete(child);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
  return { child, ended };
}

export function run(...args: string[]): Promise<Outcome> {
  return start(...args).ended;
}

/** With --json: the one document on stdout; fails if there is anything else, on stdout or stderr. */
export async function json(...args: string[]): Promise<{ code: number | null; document: Record<string, unknown> }> {
  const [{ code, documents }] = [await jsonLines(...args)];
  expect(documents).toHaveLength(1);
  return { code, document: documents[0] };
}

export async function jsonLines(
  ...args: string[]
): Promise<{ code: number | null; documents: Record<string, unknown>[] }> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  return { code, documents: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** A daemon that listens; `-H url` talks to it. */
export async function daemon(name: string, ...args: string[]): Promise<Running & { url: string }> {
  const running = start('host', '--name', name, '--port', '0', '--memory', '64M', '--json', ...args);
  const line = await new Promise<string>((resolve, reject) => {
    running.child.stdout?.once('data', (part: Buffer) => resolve(part.toString()));
    running.child.once('exit', () => reject(new Error(`host ${name} did not start`)));
  });
  return { ...running, url: (JSON.parse(line) as { url: string }).url };
}

/** Asks a daemon to end, and waits. */
export async function stop({ child, ended }: Running): Promise<Outcome> {
  child.kill('SIGTERM');
  return ended;
}

afterAll(async () => {
  const left = [...children].map((child) => child.spawnargs.slice(2).join(' '));
  for (const child of children) child.kill('SIGKILL');
  rmSync(HOME, { recursive: true, force: true });
  // A daemon is ended by the test that started it.
  expect(left).toEqual([]);
});
