/** What the README says to paste, pasted. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');
const MAIN = join(ROOT, 'dist', 'src', 'cli', 'main.js');
const home = mkdtempSync(join(tmpdir(), 'xenferry-readme-'));

afterAll(() => rmSync(home, { recursive: true }));

/** The block of shell commands under a heading. */
function commandsUnder(heading: string): string {
  const [, section = ''] = readFileSync(join(ROOT, 'README.md'), 'utf8').split(`\n## ${heading}\n`);
  const [, block = ''] = /```sh\n([^`]+)```/.exec(section) ?? [];
  return block;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Smaller, on ports of our own; whatever it leaves in the background ends with it. */
async function asScript(block: string): Promise<string> {
  const ports = { 7330: await freePort(), 7331: await freePort() };
  const text = block
    .replaceAll(/733[01]/g, (port) => String(ports[port as unknown as keyof typeof ports]))
    .replaceAll('npx xenferry', `"${process.execPath}" "${MAIN}"`)
    .replaceAll('1G ', '64M ')
    .replaceAll('512M', '24M')
    .replaceAll('hotMB=64', 'hotMB=4')
    .replaceAll('rateMBps=200', 'rateMBps=40')
    .replaceAll(/ &$/gm, ' & hosts="$hosts $!"');
  return `set -e\nhosts=\ntrap 'kill $hosts' EXIT\nexport XENFERRY_HOST=127.0.0.1:${ports[7330]}\n${text}`;
}

function shell(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home };
  const child = spawn('sh', ['-s'], { env });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.end(script);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test('"Use it", line after line, without a pause', async () => {
  const block = commandsUnder('Use it');
  expect(block).toContain('host --port 7330');
  const { code, stdout, stderr } = await shell(await asScript(block));
  expect([code, stderr]).toEqual([0, expect.stringContaining('→ completed')]);
  expect(stderr.match(/waiting for a host/g)?.length).toBeLessThanOrEqual(2);
  expect(stdout).toContain('verified: equal to a control that never moved');
});
