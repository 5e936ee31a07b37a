import { Control, Counter, isMissing, type Machine, VcpuControl, vcpuWord } from '../machine.js';
import { type StepOutcome, Vcpu } from '../vcpu.js';

/** A paced guest may run this far ahead of the clock before it sleeps: a sleep costs some 60 µs. */
const AHEAD_US = 1000;
/** Time that was lost beyond this (paused, waiting for a page) is not made up for. */
const BEHIND_US = 20_000;

const nowUs = (): number => performance.now() * 1000;

/** Runs a vCPU in real time, on a thread of its own. Every sleep is outside guest mode, where it holds nobody up. */
export class GuestLoop {
  private readonly cpu: Vcpu;
  private readonly inGuest: number;
  private readonly loaded: number;
  private readonly timer: number;
  /** When the guest time that the steps have taken so far is over. */
  private due = nowUs();

  constructor(
    private readonly machine: Machine,
    private readonly vcpu: number,
    private readonly onMissing: (gfn: number) => void,
  ) {
    this.cpu = new Vcpu(machine, vcpu);
    this.inGuest = vcpuWord(vcpu, VcpuControl.IN_GUEST);
    this.loaded = vcpuWord(vcpu, VcpuControl.LOADED);
    this.timer = vcpuWord(vcpu, VcpuControl.TIMER);
  }

  /** Never returns: the thread is ended from outside. */
  run(): never {
    for (;;) {
      this.enter();
      const outcome = this.slice();
      this.leave();
      if (outcome.kind === 'missing') this.waitForPage(outcome.gfn);
      else if (outcome.kind === 'halted') this.waitForHold();
      else this.pace();
    }
  }

  /**
   * Into guest mode, unless somebody holds the vCPUs: each side sets its own word and then reads the other's (Dekker), so never do both
   * go on.
   */
  private enter(): void {
    const { control } = this.machine;
    for (;;) {
      Atomics.store(control, this.inGuest, 1);
      const held = Atomics.load(control, Control.HOLD);
      if (held === 0) return;
      this.leave();
      Atomics.wait(control, Control.HOLD, held);
    }
  }

  private leave(): void {
    const { control } = this.machine;
    Atomics.store(control, this.inGuest, 0);
    if (Atomics.load(control, Control.HOLD) !== 0) Atomics.notify(control, this.inGuest);
  }

  /** Steps until something is to be done outside guest mode. */
  private slice(): StepOutcome {
    const { control } = this.machine;
    for (;;) {
      const outcome = this.cpu.step();
      if (outcome.kind === 'missing' || outcome.kind === 'halted') return outcome;
      this.due += outcome.us;
      if (outcome.kind === 'idle' || Atomics.load(control, Control.HOLD) !== 0) return outcome;
      if (outcome.us > 0 && this.due - nowUs() > AHEAD_US) return outcome;
    }
  }

  /** Sleeps until the guest's time has passed. */
  private pace(): void {
    for (;;) {
      const ahead = this.due - nowUs();
      if (ahead < -BEHIND_US) this.due = nowUs();
      if (ahead <= 0) return;
      Atomics.wait(this.machine.control, this.timer, 0, ahead / 1000);
    }
  }

  private waitForPage(gfn: number): void {
    const { control, p2m, counters } = this.machine;
    const since = nowUs();
    // Read before the page's state is: a load in between changes it, and the wait returns at once.
    let seen = Atomics.load(control, this.loaded);
    let told = false;
    while (isMissing(Atomics.load(p2m, gfn))) {
      if (!told) this.onMissing(gfn);
      told = true;
      Atomics.wait(control, this.loaded, seen);
      seen = Atomics.load(control, this.loaded);
    }
    counters[this.vcpu * Counter.STRIDE + Counter.BLOCKED_US] += nowUs() - since;
  }

  /** An offline vCPU looks again once it has been held: only then can it have been given state. */
  private waitForHold(): void {
    Atomics.wait(this.machine.control, Control.HOLD, 0);
  }
}
