/** Types of state records in migration stream v2 (docs/specs/libxc-migration-stream.pandoc). */
export const RecordType = {
  X86_PV_INFO: 0x2,
  X86_PV_P2M_FRAMES: 0x3,
  X86_PV_VCPU_BASIC: 0x4,
  X86_PV_VCPU_EXTENDED: 0x5,
  X86_PV_VCPU_XSAVE: 0x6,
  SHARED_INFO: 0x7,
  X86_TSC_INFO: 0x8,
  HVM_CONTEXT: 0x9,
  HVM_PARAMS: 0xa,
  X86_PV_VCPU_MSRS: 0xc,
  X86_CPUID_POLICY: 0x11,
  X86_MSR_POLICY: 0x12,
} as const;
