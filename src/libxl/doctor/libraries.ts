/** Xen's libraries, and what the hypervisor says through them. */
import { readdirSync } from 'node:fs';
import { PhysCap } from '../../backends/xen/libs/abi.js';
import { Libraries, type LibraryName } from '../../backends/xen/libs/libraries.js';
import { XenControl } from '../../backends/xen/libs/xenctrl.js';
import { pagingBuiltIn } from '../../backends/xen/paging/built-in.js';
import type { Facts, HypervisorFacts, LibraryFacts, PagingAnswer, PhysicalFacts } from './facts.js';

type Answers = Pick<Facts, 'ffi' | 'libraries' | 'physical' | 'paging'>;

/** One symbol of each part that is called, in the names of either generation: `a|b` is one of them. */
const SYMBOLS: Readonly<Record<Exclude<LibraryName, 'libc'>, readonly string[]>> = {
  libxenctrl: [
    'xc_interface_open',
    'xc_logdirty_control|xc_shadow_control',
    'xc_domain_getinfolist',
    'xc_get_pfn_type_batch',
    'xc_domain_populate_physmap_exact',
    'xc_domain_hvm_getcontext',
  ],
  libxenguest: ['xc_dom_gnttab_seed', 'xc_set_domain_cpu_policy|xc_cpu_policy_get_domain'],
  libxenforeignmemory: ['xenforeignmemory_map', 'xenforeignmemory_unmap'],
  libxencall: ['xencall2', 'xencall_alloc_buffer_pages'],
  libxenevtchn: ['xenevtchn_bind_interdomain'],
  libxenstore: ['xs_read', 'xs_watch'],
};

const NOTHING: Answers = { ffi: undefined, libraries: [], physical: undefined, paging: 'unknown' };

export function askHypervisor({ type, capabilities }: HypervisorFacts): Answers {
  if (type !== 'xen' || !capabilities?.includes('control_d')) return NOTHING;
  let found: Libraries;
  try {
    require('ffi-napi');
  } catch (error) {
    return { ...NOTHING, ffi: (error as Error).message.split('\n')[0] };
  }
  try {
    found = Libraries.find();
  } catch {
    // No privcmd: its own check says so.
    return NOTHING;
  }
  const libraries = (Object.keys(SYMBOLS) as (keyof typeof SYMBOLS)[]).map((name) => look(found, name));
  return { ...NOTHING, libraries, ...askThrough(found) };
}

function look(libraries: Libraries, name: keyof typeof SYMBOLS): LibraryFacts {
  try {
    const library = libraries.get(name);
    const missing = SYMBOLS[name].filter((names) => !names.split('|').some((symbol) => library.has(symbol)));
    return { name, opened: library.name, missing };
  } catch {
    return { name, opened: undefined, missing: [] };
  }
}

function askThrough(libraries: Libraries): Partial<Answers> {
  let control: XenControl | undefined;
  try {
    control = new XenControl(libraries);
    return { physical: physicalOf(control), paging: pagingOf(control) };
  } catch {
    return {};
  } finally {
    control?.close();
  }
}

function physicalOf(control: XenControl): PhysicalFacts {
  const { capabilities } = control.physinfo();
  const has = (bit: number): boolean => (capabilities & bit) !== 0;
  return { pv: has(PhysCap.PV), hvm: has(PhysCap.HVM), hap: has(PhysCap.HAP), shadow: has(PhysCap.SHADOW) };
}

function pagingOf(control: XenControl): PagingAnswer {
  const builtIn = pagingBuiltIn(control);
  if (builtIn === undefined) return 'unknown';
  return builtIn ? 'built-in' : 'not-built';
}

const FOLDERS = [
  '/lib',
  '/usr/lib',
  '/lib64',
  '/usr/lib64',
  '/usr/local/lib',
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
];

/** Releases of which libxenctrl is installed, ascending. */
export function installedReleases(folders: readonly string[] = FOLDERS): string[] {
  const releases = folders.flatMap(namesIn).map((name) => /^libxenctrl\.so\.(4\.\d+)$/.exec(name)?.[1]);
  const minor = (release: string): number => Number(release.split('.')[1]);
  return [...new Set(releases.filter((release) => release !== undefined))].sort((a, b) => minor(a) - minor(b));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
