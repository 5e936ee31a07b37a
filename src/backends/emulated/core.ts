import { BackendError, Errno, type GuestType, PAGE_SIZE } from '../backend.js';
import type { Execution, ExecutionFactory } from './execution.js';
import { flushTranslations, type Machine, P2m } from './machine.js';
import { MappingTable } from './mapping.js';

/** What is set up by the hypervisor and shared by the parts of one domain. */
export interface CoreSpec {
  readonly domid: number;
  readonly name: string;
  readonly guestType: GuestType;
  /** Largest domain of this host, in pages. */
  readonly hostPages: number;
  readonly machine: Machine;
  readonly execution: ExecutionFactory;
  /** Time as the guest sees it. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly suspendTimeoutMs: number;
  /** The host has been closed: nothing of its domains is there any more, not even of those that were destroyed before. */
  readonly hostClosed: () => boolean;
}

/** State of one domain that lives in the hypervisor, and what every operation begins with. */
export class DomainCore {
  /** Toolstack pauses; a domain is built paused. */
  pauses = 1;
  suspended = false;
  dying = false;
  /** Why the domain is no more. */
  gone?: 'destroyed' | 'closed';
  /** It has vCPU state, so it may run. */
  ready = false;
  populated = 0;
  /** Missing through demand paging. */
  paged = 0;
  nrGfns = 0;
  /** HVM_PARAM_*: index → value. */
  readonly hvmParams = new Map<bigint, bigint>();
  readonly mappings: MappingTable;
  readonly execution: Execution;
  /** vCPUs whose thread died, with the reason. */
  readonly failures = new Map<number, Error>();
  /** Set by demand paging. */
  onMissing: (vcpu: number, gfn: number) => void = () => {};
  onDropped: (gfn: number) => void = () => {};

  constructor(readonly spec: CoreSpec) {
    this.mappings = new MappingTable(spec.machine);
    this.execution = spec.execution.start(
      spec.machine,
      (vcpu, gfn) => this.onMissing(vcpu, gfn),
      (vcpu, error) => void this.failures.set(vcpu, error),
    );
  }

  get domid(): number {
    return this.spec.domid;
  }

  get machine(): Machine {
    return this.spec.machine;
  }

  /** No vCPU runs, and none will before somebody says so. */
  get stopped(): boolean {
    return this.pauses > 0 || this.suspended;
  }

  /** Throws unless the domain exists; with a dying one, unless the caller can handle it. */
  check(allowDying = false): void {
    if (this.gone === 'closed') throw this.error('CLOSED', 'the hypervisor of this domain has been closed');
    if (this.gone) throw this.error('NO_SUCH_DOMAIN', 'it has been destroyed', Errno.ESRCH);
    if (this.dying && !allowDying) throw this.error('DOMAIN_DYING', 'it is being destroyed', Errno.EINVAL);
  }

  /** Throws if the vCPU's thread has died. */
  checkVcpu(vcpu: number): void {
    this.check();
    const cause = this.failures.get(vcpu);
    if (cause)
      throw new BackendError('HYPERVISOR', `domain ${this.domid}: ${cause.message}`, { domid: this.domid, cause });
  }

  /** Runs `body` while no vCPU is in guest mode; the pause does not show. */
  async held<T>(body: () => T | Promise<T>): Promise<T> {
    await this.execution.hold();
    try {
      this.check();
      return await body();
    } finally {
      this.execution.release();
    }
  }

  /** Empties pages whose gfn has just become a hole. The vCPUs are held. */
  scrub(gfns: readonly number[]): void {
    for (const gfn of gfns) this.machine.memory.fill(0, gfn * PAGE_SIZE, (gfn + 1) * PAGE_SIZE);
    flushTranslations(this.machine);
  }

  /** Counts the p2m after a guest has been built in it. */
  countPages(): void {
    const { p2m } = this.machine;
    this.nrGfns = 0;
    for (let gfn = 0; gfn < p2m.length; gfn++) {
      if (p2m[gfn] !== P2m.RAM) continue;
      this.populated++;
      this.nrGfns = gfn + 1;
    }
  }

  badRecord(type: number, cause: RangeError): BackendError {
    const message = `domain ${this.domid}: state record 0x${type.toString(16)}: ${cause.message}`;
    return new BackendError('BAD_STATE_RECORD', message, { domid: this.domid, cause, errno: Errno.EINVAL });
  }

  error(code: BackendError['code'], message: string, errno?: number, remedy?: string): BackendError {
    return new BackendError(code, `domain ${this.domid}: ${message}`, { domid: this.domid, errno, remedy });
  }
}
