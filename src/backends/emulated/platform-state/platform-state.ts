import { Errno, type HypervisorVersion, type PlatformState, type StateRecord, StateRecordType } from '../../backend.js';
import type { DomainCore } from '../core.js';
import { flushTranslations } from '../machine.js';
import { checkPolicy, cpuidPolicy, msrPolicy } from './cpu-policy.js';
import { decodeContext, encodeContext } from './hvm-context.js';
import { decodeParams, encodeParams } from './hvm-params.js';
import { decodeTsc, encodeTsc, INITIAL_TSC, type TscInfo } from './tsc-info.js';

/** The Xen whose format these records have. */
const FORMAT: HypervisorVersion = { major: 4, minor: 17 };

/** CPU and platform state as records. */
export class EmulatedState implements PlatformState {
  readonly version = FORMAT;
  private tsc: TscInfo = INITIAL_TSC;
  private hasContext = false;
  private staticDone = false;

  /** Each takes a checked body; throws RangeError, and then nothing has changed. */
  private readonly takers: Readonly<Record<number, (body: Uint8Array) => void>> = {
    [StateRecordType.X86_CPUID_POLICY]: (body) => this.takePolicy('X86_CPUID_POLICY', body, cpuidPolicy()),
    [StateRecordType.X86_MSR_POLICY]: (body) => this.takePolicy('X86_MSR_POLICY', body, msrPolicy()),
    [StateRecordType.X86_TSC_INFO]: (body) => {
      const tsc = decodeTsc(body);
      this.tsc = { ...tsc, incarnation: (tsc.incarnation + 1) >>> 0 };
    },
    [StateRecordType.HVM_PARAMS]: (body) => {
      for (const [index, value] of decodeParams(body)) this.core.hvmParams.set(index, value);
    },
    [StateRecordType.HVM_CONTEXT]: (body) => {
      const { machine } = this.core;
      machine.contexts.set(decodeContext(body, machine.vcpus, machine.maxPages));
      this.hasContext = true;
    },
  };

  constructor(private readonly core: DomainCore) {}

  async saveStatic(): Promise<StateRecord[]> {
    this.core.check();
    return [
      { type: StateRecordType.X86_CPUID_POLICY, body: cpuidPolicy() },
      { type: StateRecordType.X86_MSR_POLICY, body: msrPolicy() },
    ];
  }

  async save(): Promise<StateRecord[]> {
    this.core.check();
    if (!this.core.suspended)
      throw this.core.error('INVALID_STATE', 'CPU state is saved from a suspended domain only', Errno.EINVAL);
    const { machine } = this.core;
    return [
      { type: StateRecordType.X86_TSC_INFO, body: encodeTsc(this.tsc) },
      { type: StateRecordType.HVM_CONTEXT, body: encodeContext(machine.contexts, machine.maxPages) },
      { type: StateRecordType.HVM_PARAMS, body: encodeParams(this.core.hvmParams) },
    ];
  }

  async restore({ type, body }: StateRecord): Promise<boolean> {
    this.core.check();
    if (this.core.ready) throw this.core.error('INVALID_STATE', 'the domain has its state already', Errno.EINVAL);
    const take = Object.hasOwn(this.takers, type) ? this.takers[type] : undefined;
    if (!take) return false;
    try {
      take(body);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw this.core.badRecord(type, cause);
    }
    return true;
  }

  /** The policies have been compared with the only ones there are; nothing is left to apply. */
  async finishStatic(): Promise<void> {
    this.checkUnfinished();
    await this.core.execution.spend('hypercall', 1);
    this.staticDone = true;
  }

  async finish(): Promise<void> {
    this.checkUnfinished();
    if (!this.hasContext) throw this.core.error('INVALID_STATE', 'no CPU context has been restored', Errno.EINVAL);
    await this.core.execution.spend('hypercall', 1);
    flushTranslations(this.core.machine);
    this.core.ready = true;
  }

  private takePolicy(name: string, body: Uint8Array, ours: Uint8Array): void {
    if (this.staticDone) throw new RangeError(`${name} came after what precedes pages was complete`);
    checkPolicy(name, body, ours);
  }

  private checkUnfinished(): void {
    this.core.check();
    if (this.core.ready) throw this.core.error('INVALID_STATE', 'the domain is finished already', Errno.EINVAL);
  }
}
