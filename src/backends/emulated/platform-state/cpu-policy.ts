/**
 * X86_CPUID_POLICY (0x11, leaves of 24 bytes: leaf, subleaf, eax, ebx, ecx, edx) and X86_MSR_POLICY (0x12, entries of 16 bytes:
 * u32 index, u32 flags, u64 value). Every emulated host has the same CPU, so these are constants; a record that asks
 * for another CPU cannot be restored.
 */
const NO_SUBLEAF = 0xffffffff;

/** A long-mode CPU with 4-level paging: vendor "GenuineIntel", family 6; LM and NX in leaf 0x80000001; 48/48 bits of address. */
const LEAVES: readonly (readonly number[])[] = [
  [0x0, NO_SUBLEAF, 0x1, 0x756e6547, 0x6c65746e, 0x49656e69],
  [0x1, NO_SUBLEAF, 0x000006f0, 0, 0x80000000, 0x078bfbff],
  [0x80000000, NO_SUBLEAF, 0x80000008, 0, 0, 0],
  [0x80000001, NO_SUBLEAF, 0, 0, 0x1, 0x20100800],
  [0x80000008, NO_SUBLEAF, 0x3030, 0, 0, 0],
];

/** MSR_INTEL_PLATFORM_INFO: no CPUID faulting. */
const MSRS: readonly (readonly number[])[] = [[0xce, 0, 0, 0]];

const bytesOf = (rows: readonly (readonly number[])[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(rows.flat()).buffer);

export const cpuidPolicy = (): Uint8Array => bytesOf(LEAVES);
export const msrPolicy = (): Uint8Array => bytesOf(MSRS);

/** Throws RangeError unless the policy is the one that hosts of this kind have. */
export function checkPolicy(name: string, body: Uint8Array, own: Uint8Array): void {
  if (Buffer.compare(body, own) !== 0) throw new RangeError(`${name} asks for another CPU than an emulated host has`);
}
