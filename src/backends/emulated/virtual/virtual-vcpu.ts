/** One vCPU on a virtual clock: a mover that executes steps at its own time. */
import { Counter, type Machine } from '../machine.js';
import { type StepOutcome, Vcpu } from '../vcpu.js';
import { type Mover, NS_PER_US, type VirtualClock } from './clock.js';
import type { CostModel } from './costs.js';

/** What a vCPU did with its time, in microseconds. `workUs` is what a step takes without migration. */
export interface VcpuTimes {
  readonly steps: number;
  readonly workUs: number;
  /** Added by shadow faults and log-dirty faults: (workUs + faultUs) / workUs is the slowdown. */
  readonly faultUs: number;
  readonly idleUs: number;
}

export interface VcpuEvents {
  onMissing(vcpu: number, gfn: number): void;
  onFailure(vcpu: number, error: Error): void;
}

type State = 'runs' | 'waits' | 'halted' | 'dead';

export class VirtualVcpu implements Mover {
  next = Number.POSITIVE_INFINITY;
  private readonly vcpu: Vcpu;
  private readonly counter: number;
  private state: State = 'runs';
  /** Since when it has been held; undefined while it is not. */
  private heldAt: number | undefined;
  /** Where its next step begins, whether it may run or not. */
  private at: number;
  private missing = -1;
  private missedAt = 0;
  private steps = 0;
  private workUs = 0;
  private faultUs = 0;
  private idleUs = 0;

  /** It begins held. */
  constructor(
    private readonly clock: VirtualClock,
    private readonly costs: CostModel,
    private readonly machine: Machine,
    readonly index: number,
    private readonly events: VcpuEvents,
  ) {
    this.vcpu = new Vcpu(machine, index);
    this.counter = index * Counter.STRIDE;
    this.at = clock.ns;
    this.heldAt = clock.ns;
  }

  get times(): VcpuTimes {
    const { steps, workUs, faultUs, idleUs } = this;
    return { steps, workUs, faultUs, idleUs };
  }

  /** gfn that it waits for; -1 if for none. */
  get waitsFor(): number {
    return this.missing;
  }

  move(until: number): void {
    do this.step();
    while (this.next < until);
  }

  hold(): void {
    this.heldAt = this.clock.ns;
    this.next = Number.POSITIVE_INFINITY;
  }

  /** Time did not pass for the guest while it was held: what was left of its last step is still to be done. */
  release(): void {
    if (this.heldAt === undefined) return;
    this.at += this.clock.ns - this.heldAt;
    this.heldAt = undefined;
    // Its registers may have been set meanwhile.
    if (this.state === 'halted') this.restart(this.clock.ns);
    else if (this.state === 'runs') this.next = this.at;
  }

  /** The page that it waits for is there. */
  wake(): void {
    const now = this.clock.ns;
    this.machine.counters[this.counter + Counter.BLOCKED_US] += (now - this.missedAt) / NS_PER_US;
    this.missing = -1;
    this.restart((this.heldAt ?? now) + Math.round(this.costs.wake * NS_PER_US));
  }

  private restart(at: number): void {
    this.state = 'runs';
    this.at = at;
    if (this.heldAt === undefined) this.next = at;
  }

  private rest(state: State): void {
    this.state = state;
    this.next = Number.POSITIVE_INFINITY;
  }

  private step(): void {
    const faultsBefore = this.faultCost();
    try {
      const outcome = this.vcpu.step();
      if (outcome.kind === 'missing') this.miss(outcome.gfn);
      else if (outcome.kind === 'halted') this.rest('halted');
      else this.account(outcome, this.faultCost() - faultsBefore);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      this.rest('dead');
      this.clock.at(this.at, () => this.events.onFailure(this.index, failure));
    }
  }

  private account(outcome: StepOutcome, faults: number): void {
    const us = outcome.us > 0 ? outcome.us : this.costs.guestStep + this.costs.guestPage * outcome.pages;
    this.steps++;
    this.faultUs += faults;
    if (outcome.kind === 'idle') this.idleUs += us;
    else this.workUs += us;
    this.at += Math.max(1, Math.round((us + faults) * NS_PER_US));
    this.next = this.at;
  }

  private miss(gfn: number): void {
    const { at } = this;
    this.missing = gfn;
    this.missedAt = at;
    this.rest('waits');
    this.clock.at(at, () => this.events.onMissing(this.index, gfn));
  }

  /** Cost so far of the faults that memory management has counted for this vCPU. */
  private faultCost(): number {
    const { counters, pagingMode } = this.machine;
    const { counter, costs } = this;
    if (pagingMode === 'hap') return counters[counter + Counter.DIRTIED] * costs.logDirtyFault;
    const builds = counters[counter + Counter.SHADOW_BUILDS];
    return builds * costs.shadowBuild + counters[counter + Counter.SHADOW_FIXUPS] * costs.shadowFixup;
  }
}
