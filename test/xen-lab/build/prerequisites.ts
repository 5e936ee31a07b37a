/** What the host must be, and have, before the lab can be built. */
import { readFileSync } from 'node:fs';
import { LabError } from '../lab-error.js';
import type { Command } from './command.js';

export const HOST_PACKAGES = [
  // to run it
  'qemu-system-x86',
  'seabios',
  'ipxe-qemu',
  'openssh-client',
  'util-linux',
  // to build the file systems
  'debootstrap',
  'e2fsprogs',
  'cpio',
  'gzip',
  'kmod',
  'xz-utils',
  'debian-archive-keyring',
  // to build the hypervisor and the guest's programs
  'dpkg-dev',
  'gcc',
  'libc6-dev',
  'make',
  'flex',
  'bison',
  'bc',
  'python3-minimal',
];

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
const STATUS_FORMAT = '${Status}';

export interface Host {
  readonly platform: string;
  readonly arch: string;
  readonly uid: number;
  /** The text of /etc/os-release. */
  readonly osRelease: string;
}

export function thisHost(): Host {
  return { platform: process.platform, arch: process.arch, uid: process.getuid?.() ?? -1, osRelease: osRelease() };
}

/** Throws where the lab cannot be built, with what to do about it. */
export function checkHost({ platform, arch, uid, osRelease }: Host): void {
  const where = 'Take an x86-64 machine or container with Debian 12, as root; no virtualisation by hardware is needed.';
  if (platform !== 'linux' || arch !== 'x64') throw new LabError(`the lab does not run on ${platform} ${arch}`, where);
  if (!/^VERSION_CODENAME=["']?bookworm["']?$/m.test(osRelease))
    throw new LabError('the lab is built on Debian 12 (bookworm), and this is another system', where);
  if (uid !== 0)
    throw new LabError('the lab is built by root (debootstrap, apt-get)', 'Run it as root, or with sudo -E.');
}

/** Installs what is missing; asks for nothing, and touches nothing where all is there. */
export async function installPrerequisites(command: Command): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of HOST_PACKAGES) if (!(await isInstalled(name, command))) missing.push(name);
  if (missing.length > 0) {
    await command('apt-get', ['update', '-qq']);
    await command('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing]);
  }
  return missing;
}

async function isInstalled(name: string, command: Command): Promise<boolean> {
  try {
    const status = await command('dpkg-query', ['-W', '-f', STATUS_FORMAT, name]);
    return status.toString() === 'install ok installed';
  } catch {
    return false;
  }
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
