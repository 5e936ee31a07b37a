/// <reference lib="es2024.sharedmemory" />
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Execution, ExecutionFactory, OnFailure, OnMissing, Work } from '../execution.js';
import { Control, type Machine, VcpuControl, vcpuWord } from '../machine.js';
import type { VcpuThread } from './worker.js';

/** Looks at a vCPU's word this often before it waits for it: some 20 µs, more than most steps take. */
const SPINS = 2000;
/** A vCPU's thread runs a few small functions; the guest's memory is outside its heap. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 };

/** vCPUs in real time: one worker thread each, started here and now, so that no later step waits for a thread to start. */
export class LiveExecution implements Execution {
  private readonly workers: Worker[];
  private closing?: Promise<void>;

  constructor(
    private readonly machine: Machine,
    private readonly onMissing: OnMissing,
    private readonly onFailure: OnFailure,
  ) {
    Atomics.store(machine.control, Control.HOLD, 1);
    this.workers = Array.from({ length: machine.vcpus }, (_, vcpu) => this.startThread(vcpu));
  }

  /** A vCPU that sleeps is not in guest mode, so an idle guest costs nothing but the reading of its words. */
  async hold(): Promise<void> {
    Atomics.add(this.machine.control, Control.HOLD, 1);
    for (let vcpu = 0; vcpu < this.machine.vcpus; vcpu++)
      await this.leftGuestMode(vcpuWord(vcpu, VcpuControl.IN_GUEST));
  }

  release(): void {
    const { control } = this.machine;
    const before = Atomics.sub(control, Control.HOLD, 1);
    if (before < 1) throw new Error('release() without hold()');
    if (before === 1) Atomics.notify(control, Control.HOLD);
  }

  /** Wakes all that wait for a page; each looks for itself. */
  loaded(_gfns: Uint32Array): void {
    const { control, vcpus } = this.machine;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const word = vcpuWord(vcpu, VcpuControl.LOADED);
      Atomics.add(control, word, 1);
      Atomics.notify(control, word);
    }
  }

  /**
   * Work takes the time that it takes. A hypercall takes a turn of the event loop besides, so that a caller who makes one after the
   * other, all of them done at once, keeps nobody else from running.
   */
  async spend(work: Work): Promise<void> {
    if (work === 'hypercall') await new Promise((resolve) => setImmediate(resolve));
  }

  close(): Promise<void> {
    this.closing ??= Promise.all(this.workers.map((worker, vcpu) => this.endThread(worker, vcpu))).then(
      () => undefined,
    );
    return this.closing;
  }

  private async leftGuestMode(word: number): Promise<void> {
    const { control } = this.machine;
    for (let i = 0; i < SPINS; i++) if (Atomics.load(control, word) === 0) return;
    while (Atomics.load(control, word) !== 0) {
      const { async, value } = Atomics.waitAsync(control, word, 1);
      if (async) await value;
    }
  }

  private startThread(vcpu: number): Worker {
    const workerData: VcpuThread = { machine: this.machine, vcpu };
    const worker = new Worker(join(__dirname, 'worker.js'), {
      workerData,
      resourceLimits: LIMITS,
      name: `vcpu ${vcpu}`,
    });
    let reason = new Error(`the thread of vCPU ${vcpu} ended`);
    worker.on('message', (gfn: number) => this.closing ?? this.onMissing(vcpu, gfn));
    worker.on('error', (error) => {
      reason = new Error(`the thread of vCPU ${vcpu} died: ${error.message}`, { cause: error });
    });
    worker.on('exit', () => {
      this.outOfGuestMode(vcpu);
      if (!this.closing) this.onFailure(vcpu, reason);
    });
    return worker;
  }

  private async endThread(worker: Worker, vcpu: number): Promise<void> {
    await worker.terminate();
    this.outOfGuestMode(vcpu);
  }

  /** A thread that was ended within a step left its word set; nobody shall wait for it. */
  private outOfGuestMode(vcpu: number): void {
    const word = vcpuWord(vcpu, VcpuControl.IN_GUEST);
    Atomics.store(this.machine.control, word, 0);
    Atomics.notify(this.machine.control, word);
  }
}

export const liveExecution: ExecutionFactory = {
  start: (machine, onMissing, onFailure) => new LiveExecution(machine, onMissing, onFailure),
};
