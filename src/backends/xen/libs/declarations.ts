/**
 * What is called of the libraries through FFI, as their headers declare it (tools/include/xenctrl.h, xenguest.h, xenstore.h,
 * xenevtchn.h, xenforeignmemory.h): result first. Where two Xens differ, abi.ts or the caller chooses among the names.
 */
import type { CType } from './ffi.js';

type Declaration = readonly [result: CType, ...parameters: CType[]];

/** Which library has a function changes from Xen to Xen; its name is unique among them. */
export const DECLARATIONS = {
  // libxenctrl, libxenguest
  xc_interface_open: ['pointer', 'pointer', 'pointer', 'uint'],
  xc_interface_close: ['int', 'pointer'],
  xc_physinfo: ['int', 'pointer', 'pointer'],
  xc_maximum_ram_page: ['int', 'pointer', 'pointer'],
  xc_machphys_mfn_list: ['int', 'pointer', 'uint64', 'pointer'],
  xc_domctl: ['int', 'pointer', 'pointer'],
  xc__hypercall_buffer_alloc_pages: ['pointer', 'pointer', 'pointer', 'int'],
  xc__hypercall_buffer_free_pages: ['void', 'pointer', 'pointer', 'int'],

  xc_domain_getinfolist: ['int', 'pointer', 'uint32', 'uint', 'pointer'],
  xc_domain_nr_gpfns: ['int', 'pointer', 'uint32', 'pointer'],
  xc_domain_pause: ['int', 'pointer', 'uint32'],
  xc_domain_unpause: ['int', 'pointer', 'uint32'],
  xc_domain_resume: ['int', 'pointer', 'uint32', 'int'],
  xc_evtchn_alloc_unbound: ['int', 'pointer', 'uint32', 'uint32'],
  xc_mem_paging_enable: ['int', 'pointer', 'uint32', 'pointer'],
  xc_mem_paging_disable: ['int', 'pointer', 'uint32'],
  xc_mem_paging_nominate: ['int', 'pointer', 'uint32', 'uint64'],
  xc_domain_create: ['int', 'pointer', 'pointer', 'pointer'],
  xc_domain_destroy: ['int', 'pointer', 'uint32'],
  xc_domain_setmaxmem: ['int', 'pointer', 'uint32', 'uint64'],
  xc_domain_max_vcpus: ['int', 'pointer', 'uint32', 'uint'],
  xc_set_paging_mempool_size: ['int', 'pointer', 'uint32', 'uint64'],
  // As of 4.16; before that it is called through native/, with its address alone.
  xc_shadow_control: ['int', 'pointer', 'uint32', 'uint', 'pointer', 'uint'],
  xc_domain_claim_pages: ['int', 'pointer', 'uint32', 'uint64'],

  xc_domain_get_tsc_info: ['int', 'pointer', 'uint32', 'pointer', 'pointer', 'pointer', 'pointer'],
  xc_domain_set_tsc_info: ['int', 'pointer', 'uint32', 'uint32', 'uint64', 'uint32', 'uint32'],
  xc_domain_hvm_getcontext: ['int', 'pointer', 'uint32', 'pointer', 'uint32'],
  xc_domain_hvm_setcontext: ['int', 'pointer', 'uint32', 'pointer', 'uint32'],
  xc_domain_get_guest_width: ['int', 'pointer', 'uint32', 'pointer'],
  xc_vcpu_getinfo: ['int', 'pointer', 'uint32', 'uint32', 'pointer'],
  xc_vcpu_getcontext: ['int', 'pointer', 'uint32', 'uint32', 'pointer'],
  xc_dom_gnttab_seed: ['int', 'pointer', 'uint32', 'bool', 'uint64', 'uint64', 'uint32', 'uint32'],

  // From 4.17.
  xc_cpu_policy_get_size: ['int', 'pointer', 'pointer', 'pointer'],
  xc_cpu_policy_init: ['pointer'],
  xc_cpu_policy_get_domain: ['int', 'pointer', 'uint32', 'pointer'],
  xc_cpu_policy_serialise: ['int', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
  xc_cpu_policy_destroy: ['void', 'pointer'],
  // Before.
  xc_get_cpu_policy_size: ['int', 'pointer', 'pointer', 'pointer'],
  xc_get_domain_cpu_policy: ['int', 'pointer', 'uint32', 'pointer', 'pointer', 'pointer', 'pointer'],
  xc_set_domain_cpu_policy: [
    'int',
    ...['pointer', 'uint32', 'uint32', 'pointer', 'uint32', 'pointer', 'pointer', 'pointer', 'pointer'],
  ],

  // libxenforeignmemory
  xenforeignmemory_open: ['pointer', 'pointer', 'uint'],
  xenforeignmemory_close: ['int', 'pointer'],

  // libxenevtchn
  xenevtchn_open: ['pointer', 'pointer', 'uint'],
  xenevtchn_close: ['int', 'pointer'],
  xenevtchn_fd: ['int', 'pointer'],
  xenevtchn_bind_interdomain: ['int', 'pointer', 'uint32', 'uint32'],
  xenevtchn_unbind: ['int', 'pointer', 'uint32'],
  xenevtchn_unmask: ['int', 'pointer', 'uint32'],
  xenevtchn_notify: ['int', 'pointer', 'uint32'],

  // libxenstore
  xs_open: ['pointer', 'uint64'],
  xs_close: ['void', 'pointer'],
  xs_read: ['pointer', 'pointer', 'uint32', 'string', 'pointer'],
  xs_write: ['bool', 'pointer', 'uint32', 'string', 'pointer', 'uint32'],
  xs_introduce_domain: ['bool', 'pointer', 'uint32', 'uint64', 'uint32'],
  xs_transaction_start: ['uint32', 'pointer'],
  xs_transaction_end: ['bool', 'pointer', 'uint32', 'bool'],
  xs_resume_domain: ['bool', 'pointer', 'uint32'],

  // libc
  free: ['void', 'pointer'],
} as const satisfies Record<string, Declaration>;

export type FunctionName = keyof typeof DECLARATIONS;
