/**
 * The seam between an emulated domain and whatever executes its vCPUs. Two implementations: `live/` (a worker thread a
 * vCPU, real time) and `virtual/` (a deterministic clock steps them).
 */
import type { Machine } from './machine.js';

/** Work of the hypervisor that takes time. Live: it takes what it takes. Virtual: a cost model says how long. */
export type Work = 'hypercall' | 'clean' | 'map-page' | 'evict-page' | 'load-page' | 'populate-page';

export interface Execution {
  /** Resolves when no vCPU is in guest mode; none enters until release(). Counted: as many release() as hold(). */
  hold(): Promise<void>;
  release(): void;
  /** These gfns are no longer missing: vCPUs that wait for one of them try again. */
  loaded(gfns: Uint32Array): void;
  /** Resolves when `amount` units of work have been paid for. */
  spend(work: Work, amount: number): Promise<void>;
  /** Stops all vCPUs for good and frees threads and timers. */
  close(): Promise<void>;
}

/** A vCPU met a missing page and waits for it. */
export type OnMissing = (vcpu: number, gfn: number) => void;

/** What executes a vCPU has died; the vCPU will not run again. */
export type OnFailure = (vcpu: number, error: Error) => void;

export interface ExecutionFactory {
  /** The vCPUs start held once: the domain is paused. */
  start(machine: Machine, onMissing: OnMissing, onFailure: OnFailure): Execution;
}
