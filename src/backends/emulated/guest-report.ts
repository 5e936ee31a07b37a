import type { DomainCore } from './core.js';
import { programName } from './guests/index.js';
import { Counter } from './machine.js';
import { Crash, FReg, Reg, registersOf } from './registers.js';

export interface VcpuReport {
  /** undefined: offline. */
  readonly program?: string;
  /** Since the guest was created, on whatever host. */
  readonly steps: number;
  /** Reads that returned something else than the program had written. */
  readonly corrupt: number;
  /** Why it stopped for good. */
  readonly crashed?: string;
  /** On this host: time spent waiting for missing pages, and how often it began to wait. */
  readonly blockedMs: number;
  readonly misses: number;
  /** On this host: work of the MMU. */
  readonly walks: number;
  readonly shadowBuilds: number;
  readonly shadowFixups: number;
  readonly dirtied: number;
}

export interface GuestReport {
  readonly steps: number;
  readonly corrupt: number;
  readonly blockedMs: number;
  readonly vcpus: readonly VcpuReport[];
}

const CRASHES: Readonly<Record<number, string>> = {
  [Crash.PAGE_FAULT]: 'page fault at virtual page',
  [Crash.BAD_FRAME]: 'page tables lead to a hole at virtual page',
};

export function guestReport(core: DomainCore): GuestReport {
  const vcpus = Array.from({ length: core.machine.vcpus }, (_, index) => vcpuReport(core, index));
  const sum = (of: (vcpu: VcpuReport) => number): number => vcpus.reduce((total, vcpu) => total + of(vcpu), 0);
  return { steps: sum((v) => v.steps), corrupt: sum((v) => v.corrupt), blockedMs: sum((v) => v.blockedMs), vcpus };
}

function vcpuReport(core: DomainCore, index: number): VcpuReport {
  const { u32, f64 } = registersOf(core.machine.contexts, index);
  const counter = (which: number): number => core.machine.counters[index * Counter.STRIDE + which];
  return {
    program: programName(u32[Reg.PROGRAM]),
    steps: f64[FReg.STEPS],
    corrupt: f64[FReg.CORRUPT],
    crashed: core.failures.get(index)?.message ?? crashOf(u32),
    blockedMs: counter(Counter.BLOCKED_US) / 1000,
    misses: counter(Counter.MISSES),
    walks: counter(Counter.WALKS),
    shadowBuilds: counter(Counter.SHADOW_BUILDS),
    shadowFixups: counter(Counter.SHADOW_FIXUPS),
    dirtied: counter(Counter.DIRTIED),
  };
}

function crashOf(u32: Uint32Array): string | undefined {
  if (u32[Reg.CRASH] === Crash.NONE) return undefined;
  return `${CRASHES[u32[Reg.CRASH]] ?? 'crash at virtual page'} 0x${u32[Reg.CRASH_VPN].toString(16)}`;
}
