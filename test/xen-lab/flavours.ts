/** The hypervisors of the lab, each with the root file system whose libraries belong to it. */
import { LabError } from './lab-error.js';

export type Suite = 'bookworm' | 'trixie';

export interface Flavour {
  readonly name: string;
  readonly what: string;
  /** Debian's name of the release that dom0 runs. */
  readonly suite: Suite;
  readonly xenVersion: string;
  /** Which options of Xen's Kconfig it has, and so whether a PV domain can be migrated live, and memory paged. */
  readonly shadowPaging: boolean;
  readonly memPaging: boolean;
}

export const FLAVOURS = {
  debian12: {
    name: 'debian12',
    what: "Debian 12's Xen 4.17 as shipped",
    suite: 'bookworm',
    xenVersion: '4.17',
    shadowPaging: false,
    memPaging: false,
  },
  'debian12-full': {
    name: 'debian12-full',
    what: "Debian 12's source package with SHADOW_PAGING and MEM_PAGING",
    suite: 'bookworm',
    xenVersion: '4.17',
    shadowPaging: true,
    memPaging: true,
  },
  debian13: {
    name: 'debian13',
    what: "Debian 13's Xen 4.20 as shipped",
    suite: 'trixie',
    xenVersion: '4.20',
    shadowPaging: false,
    memPaging: false,
  },
} as const satisfies Record<string, Flavour>;

export type FlavourName = keyof typeof FLAVOURS;

export const FLAVOUR_NAMES = Object.keys(FLAVOURS) as FlavourName[];
export const DEFAULT_FLAVOUR: FlavourName = 'debian12-full';

export function flavourNamed(name: string): Flavour & { name: FlavourName } {
  if (!Object.hasOwn(FLAVOURS, name))
    throw new LabError(`there is no flavour ${JSON.stringify(name)}`, `Flavours: ${FLAVOUR_NAMES.join(', ')}.`);
  return FLAVOURS[name as FlavourName];
}
