/**
 * Xen's own judge of streams, verify-stream-v2 of Debian's xen-utils-4.x. It checks headers, reserved bits, types, lengths
 * and padding; not the order of records.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = '/usr/lib';
/** It starts a Python for each stream, which a loaded machine takes its time over. */
const TIMEOUT_MS = 60_000;
const REMEDY = 'needs verify-stream-v2: apt-get install xen-utils-4.17';

export interface Verdict {
  readonly ok: boolean;
  /** What it printed. */
  readonly text: string;
}

/** The newest installed Xen's directory that has the script, e.g. /usr/lib/xen-4.17. */
function findXen(): string | undefined {
  const installed = readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, 'bin', 'verify-stream-v2')));
  const newest = installed
    .filter((name) => name.startsWith('xen-'))
    .sort()
    .at(-1);
  return newest && join(ROOT, newest);
}

/**
 * From a file, not a pipe: the script reads its input unbuffered and takes a short read for the end.
 * @throws if the script could not judge at all
 */
export function verifyStream(stream: Uint8Array): Verdict {
  const xen = findXen();
  if (xen === undefined) throw new Error(REMEDY);
  const folder = mkdtempSync(join(tmpdir(), 'xenferry-stream-'));
  try {
    const file = join(folder, 'stream');
    writeFileSync(file, stream);
    return run(xen, file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(xen: string, file: string): Verdict {
  const { status, stdout, stderr, error } = spawnSync(
    'python3',
    [join(xen, 'bin', 'verify-stream-v2'), '-v', '-f', 'libxc', '-i', file],
    // Debian keeps the modules beside the scripts, out of Python's own path.
    { encoding: 'utf8', env: { ...process.env, PYTHONPATH: join(xen, 'lib', 'python') } },
  );
  const text = `${stdout}${stderr}`;
  // 0 good, 1 bad with a "Stream Error"; anything else is a failure of the script, or of python3.
  const judged = status === 0 || (status === 1 && text.includes('Stream Error'));
  if (!judged) throw new Error(`verify-stream-v2 failed (${status}): ${text}`, { cause: error });
  return { ok: status === 0, text };
}

/** A test that needs the script. Without it, skipped for all to see; on CI, failed. */
export function testWithVerifier(name: string, body: () => Promise<void>): void {
  if (findXen() !== undefined) test(name, body, TIMEOUT_MS);
  else if (process.env.CI === 'true') test(name, () => expect(REMEDY).toBe('installed'));
  else test.skip(`${name} (${REMEDY})`, body);
}
