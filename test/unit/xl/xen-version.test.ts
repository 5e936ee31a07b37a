import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRINT_VERSION, parseVersion, xenVersion } from '../../../src/libxl/xl/xen-version.js';

/** A folder as /sys/hypervisor/version. */
function withFolder(files: Record<string, string>, body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'xen-version-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('both ends read the same', () => {
  withFolder({ major: '4\n', minor: '17\n' }, (folder) => {
    expect(xenVersion(folder)).toEqual({ major: 4, minor: 17 });
    const script = PRINT_VERSION.replace('/sys/hypervisor/version', folder);
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe('xen=4.17\n');
  });
});

test('what is not there, or no number, is not known', () => {
  withFolder({ major: '4\n' }, (folder) => {
    expect(xenVersion(folder)).toBeUndefined();
    const script = PRINT_VERSION.replace('/sys/hypervisor/version', folder);
    expect(parseVersion(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().slice(4))).toBeUndefined();
  });
  for (const text of ['', '.', '4.', '4.x', '4.17.1', '-4.17', '4.1e3', `4.${'9'.repeat(40)}`])
    expect(parseVersion(text)).toBeUndefined();
});
