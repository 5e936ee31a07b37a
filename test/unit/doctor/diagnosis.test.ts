import { type Diagnosis, diagnose, type Facts, type Finding } from '../../../src/libxl/doctor/index.js';

/** A dom0 on which all is well: Xen 4.17 with everything built in. */
const WELL: Facts = {
  ...{ arch: 'x64', root: true, privcmd: undefined, ffi: undefined, installed: ['4.17'] },
  hypervisor: { type: 'xen', version: { major: 4, minor: 17 }, versionText: '4.17.5', capabilities: 'control_d' },
  libraries: [
    { name: 'libxenctrl', opened: 'libxenctrl.so.4.17', missing: [] },
    { name: 'libxenstore', opened: 'libxenstore.so.4', missing: [] },
  ],
  physical: { pv: true, hvm: true, hap: true, shadow: true },
  ...{ paging: 'built-in', xl: { path: '/usr/sbin/xl', problem: undefined }, xenstore: true },
  ...{ helper: { path: '/opt/helper' }, standby: true, node: { path: '/usr/bin/node' }, addon: { built: true } },
  ssh: { path: '/usr/bin/ssh' },
};

const hypervisor = (change: Partial<Facts['hypervisor']>): Partial<Facts> => ({
  hypervisor: { ...WELL.hypervisor, ...change },
});
const physical = (change: Partial<NonNullable<Facts['physical']>>): Partial<Facts> => ({
  physical: { pv: true, hvm: true, hap: true, shadow: true, ...change },
});

function finding(change: Partial<Facts>, id: string): Finding | undefined {
  return diagnose({ ...WELL, ...change }).findings.find((one) => one.id === id);
}

test('a dom0 on which all is well', () => {
  const diagnosis = diagnose(WELL);
  expect(diagnosis).toMatchObject({ backend: 'xen', ready: true, live: { pv: 'yes', hvm: 'yes' }, postcopy: 'yes' });
  expect(diagnosis.findings.filter(({ answer }) => answer !== 'yes')).toEqual([]);
});

test("Debian's Xen: no shadow paging, no memory paging; PVH and HVM go live, PV does not", () => {
  const diagnosis = diagnose({ ...WELL, ...physical({ shadow: false }), paging: 'not-built' });
  expect(diagnosis).toMatchObject({ ready: true, live: { pv: 'no', hvm: 'yes' }, postcopy: 'no' });
  const remedies = diagnosis.findings.filter(({ answer }) => answer === 'no').map(({ id, remedy }) => [id, remedy]);
  expect(remedies).toEqual([
    ['shadow', expect.stringContaining('CONFIG_SHADOW_PAGING=y')],
    ['logdirty-pv', expect.stringContaining('PVH')],
    ['paging', expect.stringContaining('CONFIG_MEM_PAGING=y')],
  ]);
});

test.each<[string, Partial<Facts>]>([
  ['no Xen', hypervisor({ type: undefined, capabilities: undefined })],
  ['another hypervisor', hypervisor({ type: 'kvm' })],
  ['a guest of Xen', hypervisor({ capabilities: '' })],
  ['xenfs that is not mounted', hypervisor({ capabilities: undefined })],
])('%s: the emulated backend, and only what concerns it', (_, change) => {
  const diagnosis = diagnose({ ...WELL, ...change });
  expect(diagnosis).toMatchObject({ backend: 'emulated', ready: false, live: { pv: 'no', hvm: 'no' } });
  expect(diagnosis.findings.map(({ id, answer }) => [id, answer])).toEqual([
    ['dom0', 'no'],
    ['addon', 'yes'],
  ]);
});

test('xenfs that is not mounted is told from a guest', () => {
  expect(finding(hypervisor({ capabilities: undefined }), 'dom0')?.remedy).toContain('mount');
  expect(finding(hypervisor({ capabilities: '' }), 'dom0')?.found).toBe('a guest on Xen');
});

test.each<[string, Partial<Facts>, RegExp]>([
  ['version', hypervisor({ version: { major: 4, minor: 13 }, versionText: '4.13.1' }), /4\.14 to 4\.20/],
  ['arch', { arch: 'arm64' }, /x86/],
  ['privcmd', { privcmd: 'ENOENT' }, /modprobe/],
  ['privcmd', { privcmd: 'EACCES', root: false }, /root/],
  ['logdirty-hvm', physical({ hap: false, shadow: false }), /SHADOW_PAGING/],
  ['logdirty-hvm', physical({ hvm: false }), /firmware/],
  ['xl', { xl: { path: undefined, problem: undefined } }, /xen-utils/],
  ['xl', { xl: { path: '/usr/sbin/xl', problem: 'no' }, root: false }, /root/],
  ['xenstore', { xenstore: false }, /start it/],
  ['ffi', { ffi: 'Cannot find module' }, /npm install/],
  ['libraries', { libraries: [{ name: 'libxenctrl', opened: undefined, missing: [] }] }, /libxenmisc4\.17/],
  ['libraries', { libraries: [{ name: 'libxenctrl', opened: 'x', missing: ['xc_y'] }] }, /4\.14 to 4\.20/],
  ['addon', { addon: { built: false } }, /build:native/],
  ['addon', { addon: { built: false, problem: 'wrong ELF class' } }, /build:native/],
  ['helper', { helper: { path: '/opt/h', problem: 'not executable', remedy: 'chmod +x /opt/h' } }, /chmod/],
  ['helper', { node: { path: undefined } }, /Node\.js/],
])('%s is needed: without it no migration', (id, change, remedy) => {
  expect(finding(change, id)).toMatchObject({ answer: 'no', needed: true, remedy: expect.stringMatching(remedy) });
  expect(diagnose({ ...WELL, ...change })).toMatchObject({ backend: 'xen', ready: false });
});

test.each<[string, Partial<Facts>]>([
  ['hap', physical({ hap: false })],
  ['paging', physical({ hap: false })],
  ['libxl', { installed: ['4.14', '4.20'] }],
  ['ssh', { ssh: { path: undefined } }],
])('%s is missed, and migrations go on', (id, change) => {
  expect(finding(change, id)).toMatchObject({ answer: 'no', needed: false, remedy: expect.any(String) });
  expect(diagnose({ ...WELL, ...change }).ready).toBe(true);
});

test('what could not be found out is unknown, and stands in nobody’s way', () => {
  const asked = { physical: undefined, paging: 'unknown', xenstore: undefined, libraries: [] } as const;
  const diagnosis = diagnose({ ...WELL, ...asked });
  const unknown = diagnosis.findings.filter(({ answer }) => answer === 'unknown').map(({ id }) => id);
  expect(unknown).toEqual(
    expect.arrayContaining(['hap', 'shadow', 'logdirty-pv', 'logdirty-hvm', 'paging', 'xenstore']),
  );
  expect(diagnosis).toMatchObject({ ready: true, live: { pv: 'unknown', hvm: 'unknown' }, postcopy: 'unknown' });
});

test('a newer Xen than was tried is not called good, nor refused', () => {
  const change = hypervisor({ version: { major: 4, minor: 21 }, versionText: '4.21.0' });
  expect(finding(change, 'version')).toMatchObject({ answer: 'unknown' });
  expect(diagnose({ ...WELL, ...change }).ready).toBe(true);
});

test('every no has a remedy', () => {
  const broken: Partial<Facts>[] = [
    { ...physical({ pv: false, hvm: false, hap: false, shadow: false }), paging: 'not-built', installed: ['4.1'] },
    { libraries: [{ name: 'libxenctrl', opened: undefined, missing: [] }], addon: { built: false }, xenstore: false },
    hypervisor({ type: undefined }),
  ];
  const all = broken.map((change): Diagnosis => diagnose({ ...WELL, ...change })).flatMap(({ findings }) => findings);
  for (const { id, answer, remedy } of all) expect([id, answer === 'no']).toEqual([id, (remedy ?? '').length > 5]);
});
