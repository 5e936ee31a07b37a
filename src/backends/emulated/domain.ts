import { type Domain, type DomainInfo, Errno } from '../backend.js';
import type { DomainCore } from './core.js';
import { EmulatedPaging } from './demand-paging.js';
import { domainDigest } from './digest.js';
import { EmulatedMemory } from './foreign-memory.js';
import { type GuestReport, guestReport } from './guest-report.js';
import { AgentConsole } from './guests/agent-console.js';
import { EmulatedLogDirty } from './logdirty.js';
import { EmulatedState } from './platform-state/platform-state.js';
import { GuestFlag, Reg, registersOf } from './registers.js';

/** A domain of an emulated host: what the contract asks for, and a look into the guest. */
export class EmulatedDomain implements Domain {
  readonly logDirty: EmulatedLogDirty;
  readonly memory: EmulatedMemory;
  readonly state: EmulatedState;
  readonly paging: EmulatedPaging;
  private destruction?: Promise<void>;

  /** `free` gives the memory back to the host. */
  constructor(
    readonly core: DomainCore,
    private readonly free: () => Promise<void>,
    private readonly onGone: () => void,
  ) {
    this.logDirty = new EmulatedLogDirty(core);
    this.memory = new EmulatedMemory(core);
    this.state = new EmulatedState(core);
    this.paging = new EmulatedPaging(core);
  }

  get domid(): number {
    return this.core.domid;
  }

  async info(): Promise<DomainInfo> {
    this.core.check(true);
    return this.describe();
  }

  /** info() of a domain that is known to exist. */
  describe(): DomainInfo {
    const { core } = this;
    return {
      domid: core.domid,
      name: core.spec.name,
      guestType: core.spec.guestType,
      pagingMode: core.machine.pagingMode,
      vcpus: core.machine.vcpus,
      nrGfns: core.nrGfns,
      populatedPages: core.populated,
      maxPages: core.machine.maxPages,
      pagedPages: core.paged,
      paused: core.pauses > 0,
      suspended: core.suspended,
      dying: core.dying,
    };
  }

  async pause(): Promise<void> {
    this.core.check();
    this.core.pauses++;
    await this.core.execution.hold();
  }

  async unpause(): Promise<void> {
    const { core } = this;
    core.check();
    if (core.pauses === 0) throw core.error('INVALID_STATE', 'it is not paused', Errno.EINVAL);
    if (core.pauses === 1 && !core.ready)
      throw core.error('INVALID_STATE', 'it has no CPU state to run with', Errno.EINVAL);
    core.pauses--;
    core.execution.release();
  }

  /** The guest is asked as one without PV drivers is: it stops between two steps, paused or not. */
  async suspend(): Promise<void> {
    const { core } = this;
    core.check();
    if (core.suspended) throw core.error('INVALID_STATE', 'it is suspended already', Errno.EINVAL);
    if (!core.ready) throw core.error('INVALID_STATE', 'it has no CPU state', Errno.EINVAL);
    await this.untilWilling();
    core.suspended = true;
    await core.execution.hold();
  }

  async resume(): Promise<void> {
    const { core } = this;
    core.check();
    if (!core.suspended) throw core.error('INVALID_STATE', 'it is not suspended', Errno.EINVAL);
    core.suspended = false;
    core.execution.release();
  }

  destroy(): Promise<void> {
    if (this.core.gone) return this.end('destroyed');
    this.destruction ??= this.end('destroyed');
    return this.destruction;
  }

  /** The host goes down, and every handle with it. */
  async shutDown(): Promise<void> {
    await (this.destruction ?? this.end('closed'));
    this.core.gone = 'closed';
  }

  /** The console of a guest that runs the program `agent`. */
  agent(): AgentConsole {
    const { core } = this;
    core.check();
    const { machine, spec } = core;
    return new AgentConsole({
      machine,
      sleep: spec.sleep,
      check: (vcpu) => core.checkVcpu(vcpu),
      balloonOut: (gfns) => this.memory.depopulate(gfns),
    });
  }

  /** What the guest has done so far. May be read at any time. */
  guestReport(): GuestReport {
    this.core.check();
    return guestReport(this.core);
  }

  /**
   * Digest of memory and registers, the same on whatever host. `INVALID_STATE` unless the domain is paused or suspended and has all
   * its pages.
   */
  async digest(): Promise<string> {
    const { core } = this;
    core.check();
    if (!core.stopped)
      throw core.error('INVALID_STATE', 'pause it first: a digest is of a domain that does not run', Errno.EINVAL);
    if (core.paged > 0)
      throw core.error(
        'INVALID_STATE',
        `${core.paged} of its pages are missing`,
        Errno.EINVAL,
        'wait until the migration has completed',
      );
    return core.held(() => domainDigest(core.machine));
  }

  private async end(how: 'destroyed' | 'closed'): Promise<void> {
    this.core.check(true);
    this.core.dying = true;
    await this.core.execution.close();
    const unmapped = this.core.mappings.empty();
    if (this.core.mappings.mappedPages === 0) await this.free();
    else void unmapped.then(this.free);
    this.core.gone = how;
    this.onGone();
  }

  private async untilWilling(): Promise<void> {
    const { core } = this;
    if (core.failures.size === 0 && !this.ignoresSuspend()) return;
    await core.spec.sleep(core.spec.suspendTimeoutMs);
    core.check();
    throw core.error(
      'SUSPEND_FAILED',
      'the guest did not answer the request to suspend',
      Errno.EAGAIN,
      'suspend it from within, or migrate it when it answers again',
    );
  }

  private ignoresSuspend(): boolean {
    const { contexts, vcpus } = this.core.machine;
    return Array.from({ length: vcpus }, (_, i) => registersOf(contexts, i).u32[Reg.FLAGS]).some(
      (flags) => (flags & GuestFlag.IGNORES_SUSPEND) !== 0,
    );
  }
}
