/**
 * What differs between Xen 4.14 and 4.20, chosen by what the libraries export and by the version that the hypervisor says.
 * Sources: tools/include/xenctrl.h, xenguest.h and xen/include/public of these versions.
 */
import { readFileSync } from 'node:fs';
import { BackendError, type HypervisorVersion } from '../../backend.js';
import type { SharedLibrary } from './ffi.js';

/** What the hypervisor says of itself; undefined where there is none. */
export function hypervisorVersion(root = '/sys/hypervisor'): HypervisorVersion | undefined {
  try {
    if (readFileSync(`${root}/type`, 'utf8').trim() !== 'xen') return undefined;
    const [major, minor] = ['major', 'minor'].map((name) => Number(readFileSync(`${root}/version/${name}`, 'utf8')));
    return { major, minor };
  } catch {
    return undefined;
  }
}

/**
 * libxenctrl and its like speak to one version of the hypervisor (XEN_DOMCTL_INTERFACE_VERSION), so their file names carry it.
 * The name without a version is there where the headers are installed.
 */
export function unstableNames(library: string, { major, minor }: HypervisorVersion): string[] {
  return [`${library}.so.${major}.${minor}`, `${library}.so`];
}

/** Log-dirty moved out of xc_shadow_control in 4.16. */
export function hasLogdirtyControl(ctrl: SharedLibrary): boolean {
  return ctrl.has('xc_logdirty_control');
}

/** 4.17 brought policies as objects (xenguest.h); before, libxenctrl filled arrays. */
export function hasPolicyObjects(guest: SharedLibrary): boolean {
  return guest.has('xc_cpu_policy_get_domain');
}

/** xen_cpuid_leaf_t and xen_msr_entry_t (xen/include/public/arch-x86/xen.h). */
export const CPUID_LEAF_BYTES = 24;
export const MSR_ENTRY_BYTES = 16;

/** xc_domaininfo_t: offsets that hold from 4.14 to 4.20 (xen/include/public/domctl.h). */
export const DomainInfoLayout = {
  BYTES: 256,
  DOMID: 0,
  FLAGS: 4,
  TOT_PAGES: 8,
  MAX_PAGES: 16,
  PAGED_PAGES: 40,
  SHARED_INFO: 48,
  MAX_VCPU_ID: 68,
  HANDLE: 76,
} as const;

/** XEN_DOMINF_*. */
export const DomainFlag = { DYING: 1 << 0, HVM: 1 << 1, SHUTDOWN: 1 << 2, PAUSED: 1 << 3, HAP: 1 << 8 } as const;
export const SHUTDOWN_REASON_SHIFT = 16;
export const SHUTDOWN_SUSPEND = 2;

/** struct xen_sysctl_physinfo, up to what is read of it. */
export const PhysinfoLayout = { BYTES: 256, CAPABILITIES: 28, TOTAL_PAGES: 40, FREE_PAGES: 48 } as const;
/** XEN_SYSCTL_PHYSCAP_*. */
export const PhysCap = { HVM: 1 << 0, PV: 1 << 1, HAP: 1 << 3, SHADOW: 1 << 4 } as const;

interface CreateDomainLayout {
  readonly BYTES: number;
  readonly HANDLE: number;
  readonly FLAGS: number;
  readonly MAX_VCPUS: number;
  readonly MAX_EVTCHN_PORT: number;
  readonly MAX_GRANT_FRAMES: number;
  readonly GRANT_OPTS: number;
  readonly EMULATION_FLAGS: number;
}

/**
 * struct xen_domctl_createdomain of 4.17 and later; 4.19 put altp2m_opts behind grant_opts. `NOT_SUPPORTED` for an older one, whose
 * struct has fewer fields.
 */
export function createDomainLayout({ major, minor }: HypervisorVersion): CreateDomainLayout {
  if (major < 4 || (major === 4 && minor < 17)) {
    throw new BackendError(
      'NOT_SUPPORTED',
      `a bare domain cannot be created on Xen ${major}.${minor} (4.17 or later can)`,
      {
        remedy: 'receive through xl: LIBXL_SAVE_HELPER=…/xenferry-save-helper xl migrate-receive, or xl restore',
      },
    );
  }
  const common = {
    BYTES: 128,
    HANDLE: 4,
    FLAGS: 20,
    MAX_VCPUS: 28,
    MAX_EVTCHN_PORT: 32,
    MAX_GRANT_FRAMES: 36,
    GRANT_OPTS: 44,
  };
  return { ...common, EMULATION_FLAGS: minor >= 19 ? 60 : 56 };
}

/** VM_EVENT_INTERFACE_VERSION and the size of vm_event_st (xen/include/public/vm_event.h). */
export function vmEventLayout({ major, minor }: HypervisorVersion): {
  readonly version: number;
  readonly bytes: number;
} {
  return major === 4 && minor < 15 ? { version: 6, bytes: 384 } : { version: 7, bytes: 400 };
}

/** VM_EVENT_REASON_*, VM_EVENT_FLAG_*, MEM_PAGING_* (the same header). */
export const VmEvent = {
  REASON_MEM_PAGING: 3,
  FLAG_VCPU_PAUSED: 1 << 0,
  DROP_PAGE: 1 << 0,
  EVICT_FAIL: 1 << 1,
} as const;
