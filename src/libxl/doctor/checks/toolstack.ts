import { needed, no, unknown, wanted, yes } from '../finding.js';

export const xl = needed('xl', 'xl', ({ xl: { path, problem }, root }) => {
  if (path === undefined)
    return no('not in the PATH', 'install it (Debian: xen-utils), and see that /usr/sbin is in the PATH');
  if (problem === undefined) return yes(path);
  return no(`${path}: ${problem}`, root ? 'make "xl info" work: xl dmesg may say more' : 'run this as root');
});

export const toolstack = wanted('libxl', 'libxl of the same release', ({ hypervisor: { version }, installed }) => {
  if (!version) return unknown('the hypervisor’s version is not known');
  const release = `${version.major}.${version.minor}`;
  if (installed.length === 0) return unknown('no libxenctrl was found in the usual folders');
  if (installed.includes(release)) return yes(installed.join(', '));
  const remedy = `reboot into the hypervisor of that release, or install the tools of ${release}`;
  return no(`the tools are of ${installed.join(', ')}, the hypervisor is ${release}`, remedy);
});

export const xenstore = needed('xenstore', 'xenstore', ({ xenstore: answers }) => {
  if (answers === undefined) return unknown('no socket of xenstored here; it may run in a domain of its own');
  return answers ? yes('xenstored answers') : no('xenstored does not answer', 'start it (Debian: service xen start)');
});

export const ssh = wanted('ssh', 'ssh to other hosts', ({ ssh: { path } }) =>
  path === undefined ? no('not in the PATH', 'install openssh-client, or use --receive-command') : yes(path),
);
