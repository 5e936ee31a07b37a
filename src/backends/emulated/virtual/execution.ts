/** Drives the vCPUs of emulated domains by a virtual clock. */
import type { Execution, ExecutionFactory, OnFailure, OnMissing, Work } from '../execution.js';
import type { Machine } from '../machine.js';
import { NS_PER_US, type VirtualClock } from './clock.js';
import { type CostModel, costModel } from './costs.js';
import { type VcpuTimes, VirtualVcpu } from './virtual-vcpu.js';

export class VirtualExecutionFactory implements ExecutionFactory {
  private readonly running = new Map<Machine, VirtualExecution>();

  constructor(
    private readonly clock: VirtualClock,
    private readonly costs: CostModel = costModel(),
  ) {}

  start(machine: Machine, onMissing: OnMissing, onFailure: OnFailure): VirtualExecution {
    const forget = (): void => {
      this.running.delete(machine);
    };
    const execution = new VirtualExecution(this.clock, this.costs, machine, { onMissing, onFailure }, forget);
    this.running.set(machine, execution);
    return execution;
  }

  /** Executions that have not been closed, in the order of their start. */
  get executions(): readonly VirtualExecution[] {
    return [...this.running.values()];
  }
}

export class VirtualExecution implements Execution {
  private readonly vcpus: readonly VirtualVcpu[];
  private holders = 1;
  private closed = false;
  private readonly forget: () => void;

  constructor(
    private readonly clock: VirtualClock,
    private readonly costs: CostModel,
    readonly machine: Machine,
    events: { readonly onMissing: OnMissing; readonly onFailure: OnFailure },
    private readonly onClose: () => void,
  ) {
    const indices = Array.from({ length: machine.vcpus }, (_, index) => index);
    this.vcpus = indices.map((index) => new VirtualVcpu(clock, costs, machine, index, events));
    for (const vcpu of this.vcpus) clock.addMover(vcpu);
    this.forget = clock.observe(() => this.waiting());
  }

  /** Times of each vCPU since start(). */
  get times(): readonly VcpuTimes[] {
    return this.vcpus.map((vcpu) => vcpu.times);
  }

  /** How many hold() calls have no release() yet. */
  get holds(): number {
    return this.holders;
  }

  /** A step has happened as a whole when its time begins, so there is never one to wait for. */
  async hold(): Promise<void> {
    if (this.holders++ > 0) return;
    for (const vcpu of this.vcpus) vcpu.hold();
  }

  release(): void {
    if (this.holders === 0) throw new Error('release() without hold()');
    if (--this.holders > 0 || this.closed) return;
    for (const vcpu of this.vcpus) vcpu.release();
  }

  loaded(gfns: Uint32Array): void {
    for (const vcpu of this.vcpus) {
      if (vcpu.waitsFor >= 0 && gfns.includes(vcpu.waitsFor)) vcpu.wake();
    }
  }

  async spend(work: Work, amount: number): Promise<void> {
    const { call, unit } = this.costs.work[work];
    const ns = Math.round((call + unit * amount) * NS_PER_US);
    if (ns > 0) await this.clock.sleepNs(ns);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const vcpu of this.vcpus) this.clock.removeMover(vcpu);
    this.forget();
    this.onClose();
  }

  private waiting(): string[] {
    const blocked = this.vcpus.filter((vcpu) => vcpu.waitsFor >= 0);
    return blocked.map((vcpu) => `vCPU ${vcpu.index} for gfn ${vcpu.waitsFor}`);
  }
}
