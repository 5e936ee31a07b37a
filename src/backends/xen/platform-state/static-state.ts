/**
 * What precedes pages for every kind of x86 domain: the CPUID and MSR policies
 * (tools/libs/guest/xg_sr_common_x86.c).
 */
import { type StateRecord, StateRecordType } from '../../backend.js';
import { CPUID_LEAF_BYTES, MSR_ENTRY_BYTES } from '../libs/abi.js';
import type { Session } from '../session.js';
import { badRecord } from './bad-record.js';

/** Bits of libxl's static_data_done: what the stream did not say, so that the toolstack must. */
export const MISSING_CPUID = 1;
export const MISSING_MSR = 2;

const ENTRY_BYTES = {
  [StateRecordType.X86_CPUID_POLICY]: CPUID_LEAF_BYTES,
  [StateRecordType.X86_MSR_POLICY]: MSR_ENTRY_BYTES,
} as const;

const NONE = Buffer.alloc(0);

export class StaticState {
  private cpuid = NONE;
  private msrs = NONE;

  constructor(
    private readonly session: Session,
    private readonly domid: number,
  ) {}

  save(): StateRecord[] {
    const { cpuid, msrs } = this.session.control.cpuPolicy(this.domid);
    const records = [
      { type: StateRecordType.X86_CPUID_POLICY, body: cpuid },
      { type: StateRecordType.X86_MSR_POLICY, body: msrs },
    ];
    return records.filter(({ body }) => body.length > 0);
  }

  /** False for a record of another kind. */
  take({ type, body }: StateRecord): boolean {
    if (type !== StateRecordType.X86_CPUID_POLICY && type !== StateRecordType.X86_MSR_POLICY) return false;
    const size = ENTRY_BYTES[type];
    if (body.length === 0 || body.length % size !== 0)
      throw badRecord(this.domid, type, `its ${body.length} bytes are not entries of ${size}`);
    if (type === StateRecordType.X86_CPUID_POLICY) this.cpuid = Buffer.from(body);
    else this.msrs = Buffer.from(body);
    return true;
  }

  /** The stream has said all that it has to say; a stream of Xen 4.13 or older says nothing of policies. */
  apply(): void {
    const { cpuid, msrs } = this;
    if (cpuid.length + msrs.length > 0) this.session.control.setCpuPolicy(this.domid, { cpuid, msrs });
  }

  get missing(): number {
    return (this.cpuid.length === 0 ? MISSING_CPUID : 0) | (this.msrs.length === 0 ? MISSING_MSR : 0);
  }
}
