/**
 * The thread of one vCPU. It takes no messages: all it hears comes through the machine's control words; all it says is the gfn of
 * a missing page.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Machine } from '../machine.js';
import { GuestLoop } from './guest-loop.js';

/** What the hypervisor hands to the thread. */
export interface VcpuThread {
  readonly machine: Machine;
  readonly vcpu: number;
}

const { machine, vcpu } = workerData as VcpuThread;
new GuestLoop(machine, vcpu, (gfn) => parentPort?.postMessage(gfn)).run();
