import type { Facts, LibraryFacts } from '../facts.js';
import { needed, no, unknown, type Verdict, yes } from '../finding.js';

export const ffi = needed('ffi', 'calls into C libraries (ffi-napi)', ({ ffi: problem }) =>
  problem === undefined
    ? yes('loaded')
    : no(problem, 'install g++, make and Python 3, and run npm install again: it is built on the spot'),
);

export const libraries = needed('libraries', 'libraries of this Xen', judge);

function judge({ libraries: all, ffi: problem, hypervisor: { version }, installed }: Facts): Verdict {
  if (all.length === 0) return unknown(problem === undefined ? 'not looked for' : 'cannot be opened without ffi-napi');
  const release = version ? `${version.major}.${version.minor}` : 'this Xen';
  const absent = all.filter(({ opened }) => opened === undefined).map(({ name }) => name);
  if (absent.length > 0) {
    const others = installed.filter((one) => one !== release);
    const instead = others.length > 0 ? `; libxenctrl is here for ${others.join(', ')}` : '';
    const remedy = `install those of Xen ${release}, the hypervisor that runs (Debian: libxenmisc${release}, libxenstore4); after an upgrade reboot into its hypervisor`;
    return no(`${absent.join(', ')} cannot be loaded${instead}`, remedy);
  }
  const lacking = all.filter(({ missing }) => missing.length > 0);
  if (lacking.length === 0) return yes(`${all[0].opened} and ${all.length - 1} more`);
  const what = lacking.map(({ name, missing }: LibraryFacts) => `${name} lacks ${missing.join(', ')}`).join('; ');
  return no(what, 'this build of Xen is none that this backend knows: use the libraries of releases 4.14 to 4.20');
}
