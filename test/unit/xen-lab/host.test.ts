import { mirrorIn } from '../../xen-lab/build/apt.js';
import { checkHost } from '../../xen-lab/build/prerequisites.js';
import { FLAVOUR_NAMES, flavourNamed } from '../../xen-lab/flavours.js';
import { groupsOf } from '../../xen-lab/run/boots.js';
import { STEPS } from '../../xen-lab/steps/index.js';
import { quoted } from '../../xen-lab/vm/dom0.js';
import { qemuArguments } from '../../xen-lab/vm/qemu-arguments.js';

const DEBIAN12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n';
const HOST = { platform: 'linux', arch: 'x64', uid: 0, osRelease: DEBIAN12 };

test('root on Debian 12 may build the lab', () => {
  expect(() => checkHost(HOST)).not.toThrow();
});

test.each([
  [{ uid: 1000 }, /by root.*sudo/s],
  [{ osRelease: 'VERSION_CODENAME=trixie\n' }, /Debian 12.*Take an x86-64 machine/s],
  [{ arch: 'arm64' }, /does not run on linux arm64/],
  [{ platform: 'darwin' }, /does not run on darwin/],
])('%j: may not, and is told what to do', (more, says) => {
  expect(() => checkHost({ ...HOST, ...more })).toThrow(says);
});

test.each([
  ['Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n', 'http://deb.debian.org/debian'],
  ['deb [signed-by=/x.gpg] https://mirror.example/debian/ bookworm main\n', 'https://mirror.example/debian'],
  ['deb http://security.debian.org/debian-security bookworm-security main\n', undefined],
  ['', undefined],
])('the mirror in %j', (text, mirror) => {
  expect(mirrorIn(text)).toBe(mirror);
});

test('a flavour that is not there is named with those that are', () => {
  expect(() => flavourNamed('debian11')).toThrow(/"debian11".*debian12, debian12-full, debian13/s);
  expect(() => flavourNamed('toString')).toThrow();
});

test('a quoted text is one word of the shell', () => {
  expect(quoted("it's $HOME")).toBe(`'it'\\''s $HOME'`);
});

const MACHINE = {
  xen: '/lab/xen',
  vmlinuz: '/lab/vmlinuz',
  initrd: '/lab/initrd.gz',
  image: '/lab/a,b.img',
  host: 1,
  sshPort: 4022,
  console: '/lab/console.log',
  repo: '/repo',
  shares: ['/work'],
  cache: 'mmap' as const,
};

test("QEMU's options: commas in paths, the repository read-only, sshd on the loopback alone", () => {
  const args = qemuArguments(MACHINE).join(' ');
  expect(args).toContain('file=/lab/a,,b.img,');
  expect(args).toMatch(/path=\/repo,mount_tag=xenferry,\S*readonly=on/);
  expect(args).toContain('hostfwd=tcp:127.0.0.1:4022-:22');
  expect(args).toContain('xenferry.share=share0:/work');
  expect(args).not.toContain('netdev=between');
});

test('of two dom0s the first makes the network, and their cards differ', () => {
  const [first, second] = [1, 2].map((host) => qemuArguments({ ...MACHINE, host, network: '/tmp/x/net' }).join(' '));
  expect(first).toContain('server=on,addr.type=unix,addr.path=/tmp/x/net');
  expect(second).toContain('server=off,addr.type=unix,addr.path=/tmp/x/net');
  expect(/mac=\S+/.exec(first)?.[0]).not.toBe(/mac=\S+/.exec(second)?.[0]);
});

test('steps have names of their own in a flavour, and every flavour has steps', () => {
  const names = STEPS.map(({ flavour, name }) => `${flavour}: ${name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(STEPS.map(({ flavour }) => flavour))).toEqual(new Set(FLAVOUR_NAMES));
  expect(groupsOf(STEPS).length).toBeGreaterThan(3);
});
