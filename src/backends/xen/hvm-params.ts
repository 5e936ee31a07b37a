/** HVM_PARAM_* (xen/include/public/hvm/params.h). */
export const HvmParam = {
  STORE_PFN: 1,
  STORE_EVTCHN: 2,
  PAE_ENABLED: 4,
  IOREQ_PFN: 5,
  BUFIOREQ_PFN: 6,
  VIRIDIAN: 9,
  IDENT_PT: 12,
  VM86_TSS: 15,
  CONSOLE_PFN: 17,
  CONSOLE_EVTCHN: 18,
  ACPI_IOPORTS_LOCATION: 19,
  PAGING_RING_PFN: 27,
  MONITOR_RING_PFN: 28,
  SHARING_RING_PFN: 29,
  IOREQ_SERVER_PFN: 32,
  NR_IOREQ_SERVER_PAGES: 33,
  VM_GENERATION_ID_ADDR: 34,
  X87_FIP_WIDTH: 36,
  VM86_TSS_SIZED: 37,
  MCA_CAP: 38,
} as const;

/** What travels, in the order in which libxc writes it (tools/libs/guest/xg_sr_save_x86_hvm.c). */
export const SAVED_PARAMS: readonly number[] = [
  HvmParam.STORE_PFN,
  HvmParam.IOREQ_PFN,
  HvmParam.BUFIOREQ_PFN,
  HvmParam.PAGING_RING_PFN,
  HvmParam.MONITOR_RING_PFN,
  HvmParam.SHARING_RING_PFN,
  HvmParam.VM86_TSS_SIZED,
  HvmParam.CONSOLE_PFN,
  HvmParam.ACPI_IOPORTS_LOCATION,
  HvmParam.VIRIDIAN,
  HvmParam.IDENT_PT,
  HvmParam.VM_GENERATION_ID_ADDR,
  HvmParam.IOREQ_SERVER_PFN,
  HvmParam.NR_IOREQ_SERVER_PAGES,
  HvmParam.X87_FIP_WIDTH,
  HvmParam.MCA_CAP,
];

/** Those whose page starts empty at the destination: it belongs to a connection that is made anew. */
export const CLEARED_PAGES: ReadonlySet<number> = new Set([
  HvmParam.STORE_PFN,
  HvmParam.CONSOLE_PFN,
  HvmParam.IOREQ_PFN,
  HvmParam.BUFIOREQ_PFN,
]);

/** Those that name a gfn which others than the guest use. */
export const SPECIAL_PAGE_PARAMS: readonly number[] = [
  HvmParam.STORE_PFN,
  HvmParam.CONSOLE_PFN,
  HvmParam.IOREQ_PFN,
  HvmParam.BUFIOREQ_PFN,
  HvmParam.PAGING_RING_PFN,
  HvmParam.MONITOR_RING_PFN,
  HvmParam.SHARING_RING_PFN,
];
