import type { Execution, ExecutionFactory, OnMissing } from '../../src/backends/emulated/execution.js';
import type { Machine } from '../../src/backends/emulated/machine.js';
import { type StepOutcome, Vcpu } from '../../src/backends/emulated/vcpu.js';

/** Runs no vCPU by itself: a test steps them, and everything happens in the order in which the test says it. */
export class ManualExecution implements Execution {
  holds = 1;
  closed = false;
  readonly vcpus: Vcpu[];

  constructor(
    machine: Machine,
    private readonly onMissing: OnMissing,
  ) {
    this.vcpus = Array.from({ length: machine.vcpus }, (_, index) => new Vcpu(machine, index));
  }

  /** Executes up to `count` steps of a vCPU; fewer if it meets a missing page, which is reported as a driver does. */
  run(vcpu: number, count = 1): StepOutcome['kind'] {
    if (this.holds > 0) throw new Error('the test steps a vCPU that is held');
    for (let i = 0; i < count; i++) {
      const { kind, gfn } = this.vcpus[vcpu].step();
      if (kind === 'missing') this.onMissing(vcpu, gfn);
      if (kind === 'missing' || kind === 'halted') return kind;
    }
    return 'ran';
  }

  async hold(): Promise<void> {
    this.holds++;
  }

  release(): void {
    this.holds--;
  }

  loaded(): void {}

  async spend(): Promise<void> {}

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** A factory and the executions it has made, in the order of their domids. */
export function manualExecution(): { factory: ExecutionFactory; made: ManualExecution[] } {
  const made: ManualExecution[] = [];
  const factory: ExecutionFactory = {
    start(machine, onMissing) {
      const execution = new ManualExecution(machine, onMissing);
      made.push(execution);
      return execution;
    },
  };
  return { factory, made };
}
