/** vCPU records of a stream, kept until all pages are there. */
import { StateRecordType } from '../../backend.js';
import { decodeVcpu, VcpuFits, type VcpuPart } from './records.js';

const PARTS: Readonly<Record<number, VcpuPart>> = {
  [StateRecordType.X86_PV_VCPU_BASIC]: 'basic',
  [StateRecordType.X86_PV_VCPU_EXTENDED]: 'extended',
  [StateRecordType.X86_PV_VCPU_XSAVE]: 'xsave',
  [StateRecordType.X86_PV_VCPU_MSRS]: 'msrs',
};

export type VcpuState = { [part in VcpuPart]?: Buffer };

export class VcpuStates {
  private readonly states = new Map<number, VcpuState>();

  constructor(private readonly vcpus: number) {}

  /** False for a record of another kind; RangeError for a malformed one. */
  take(type: number, body: Uint8Array): boolean {
    const part = PARTS[type];
    if (part === undefined) return false;
    const { vcpu, blob } = decodeVcpu(body, this.vcpus, VcpuFits[part]);
    if (blob.length > 0) this.states.set(vcpu, { ...this.states.get(vcpu), [part]: blob });
    return true;
  }

  /** In the order of vCPUs. */
  all(): [vcpu: number, state: VcpuState][] {
    return [...this.states].sort(([a], [b]) => a - b);
  }

  has(vcpu: number): boolean {
    return this.states.get(vcpu)?.basic !== undefined;
  }
}
