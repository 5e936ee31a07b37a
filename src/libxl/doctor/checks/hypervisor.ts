import type { HypervisorFacts } from '../facts.js';
import { needed, no, unknown, type Verdict, yes } from '../finding.js';

/** Releases whose libraries this backend knows. */
const OLDEST = [4, 14];
const NEWEST = [4, 20];

export const controlDomain = needed('dom0', 'Xen control domain', ({ hypervisor }) => judge(hypervisor));

function judge({ type, capabilities }: HypervisorFacts): Verdict {
  if (type !== 'xen')
    return no(
      'no Xen under this machine',
      'boot Xen (Debian: apt install xen-system-amd64), or use the emulated backend',
    );
  if (capabilities === undefined)
    return no('/proc/xen/capabilities is not there', 'mount it: modprobe xenfs; mount -t xenfs xenfs /proc/xen');
  if (!capabilities.includes('control_d'))
    return no('a guest on Xen', 'run this in dom0: a guest cannot migrate others');
  return yes('dom0');
}

export const hypervisorVersion = needed('version', 'hypervisor version', ({ hypervisor: { version, versionText } }) => {
  if (!version) return unknown('/sys/hypervisor/version cannot be read');
  const at = (limit: readonly number[]): number => version.major - limit[0] || version.minor - limit[1];
  const range = `${OLDEST.join('.')} to ${NEWEST.join('.')}`;
  if (at(OLDEST) < 0) return no(versionText, `upgrade Xen: releases ${range} are known to this backend`);
  if (at(NEWEST) > 0) return unknown(`${versionText}: newer than what was tried (${range})`);
  return yes(versionText);
});

export const privcmd = needed('privcmd', 'hypercalls (/dev/xen/privcmd)', ({ privcmd: problem, root }) => {
  if (problem === undefined) return yes('can be opened');
  if (problem === 'ENOENT') return no('not there', 'load the module: modprobe xen-privcmd');
  return no(problem, root ? 'look at the permissions of /dev/xen/privcmd' : 'run this as root');
});
