/** What can be said of the Xen backend where there is no Xen; the rest is tested in a real dom0 (test/xen-lab). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackendError, Errno } from '../../../src/backends/backend.js';
import { XenHypervisor } from '../../../src/backends/xen/index.js';
import { createDomainLayout, hypervisorVersion, unstableNames } from '../../../src/backends/xen/libs/abi.js';
import { xenError } from '../../../src/backends/xen/libs/errors.js';

describe('the version of the hypervisor', () => {
  const root = mkdtempSync(join(tmpdir(), 'xenferry-sys-'));
  afterAll(() => rmSync(root, { recursive: true }));

  test('is read from sysfs', () => {
    mkdirSync(join(root, 'version'));
    writeFileSync(join(root, 'type'), 'xen\n');
    writeFileSync(join(root, 'version', 'major'), '4\n');
    writeFileSync(join(root, 'version', 'minor'), '17\n');
    expect(hypervisorVersion(root)).toEqual({ major: 4, minor: 17 });
  });

  test('is none where another hypervisor, or nothing, says so', () => {
    writeFileSync(join(root, 'type'), 'kvm\n');
    expect(hypervisorVersion(root)).toBeUndefined();
    expect(hypervisorVersion(join(root, 'nowhere'))).toBeUndefined();
  });
});

test('libraries that speak to one version of the hypervisor are looked for by that version first', () => {
  expect(unstableNames('libxenctrl', { major: 4, minor: 20 })).toEqual(['libxenctrl.so.4.20', 'libxenctrl.so']);
});

test('struct xen_domctl_createdomain grew by a field in 4.19; before 4.17 it is refused', () => {
  expect(createDomainLayout({ major: 4, minor: 17 }).EMULATION_FLAGS).toBe(56);
  expect(createDomainLayout({ major: 4, minor: 20 }).EMULATION_FLAGS).toBe(60);
  expect(() => createDomainLayout({ major: 4, minor: 16 })).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }));
});

test('an error names the domain, what was tried and the errno, and keeps the errno', () => {
  const error = xenError({ what: 'cannot pause it', errno: Errno.ESRCH, domid: 7 });
  expect(error).toMatchObject({ code: 'NO_SUCH_DOMAIN', domid: 7, errno: Errno.ESRCH });
  expect(error.message).toBe('domain 7: cannot pause it (ESRCH)');
  expect(error.remedy).toContain('xl list');
  expect(xenError({ what: 'x', errno: 71 })).toMatchObject({ code: 'HYPERVISOR', errno: 71, message: 'x (errno 71)' });
});

test('without Xen, opening says so and what to do', () => {
  if (hypervisorVersion()) return;
  const open = (): unknown => XenHypervisor.open();
  expect(open).toThrow(BackendError);
  expect(open).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED', remedy: expect.stringContaining('emulated') }));
});
