/** One direction of a link: a serialiser that all flows share, then a delay. */
import { NS_PER_S, type VirtualClock } from './clock.js';
import type { Flow, Wire } from './flow.js';

/**
 * Bytes that a flow sends in one turn. Flows take turns, so an urgent page waits for no more than one segment of each
 * other flow. 64 KiB is also what Linux hands to a network card at a time (GSO).
 */
const SEGMENT_BYTES = 64 * 1024;

export class Direction implements Wire {
  /** Flows that have something to send, the next one first. Each is here once at most. */
  private readonly queue: Flow[] = [];
  private sending: Flow | undefined;
  /** Since when the serialiser has been at work without a pause, and the bytes it was given in that time. */
  private busySince = 0;
  private busyBytes = 0;
  private budget = Number.POSITIVE_INFINITY;
  private onSpent: () => void = () => {};
  delivered = 0;

  constructor(
    private readonly clock: VirtualClock,
    private readonly bytesPerSecond: number,
    private readonly latencyNs: number,
  ) {}

  /** Calls `onSpent` when `bytes` more have been delivered, and delivers none after these. */
  limit(bytes: number, onSpent: () => void): void {
    this.budget = bytes;
    this.onSpent = onSpent;
  }

  ready(flow: Flow): void {
    if (flow === this.sending || this.queue.includes(flow)) return;
    if (flow.sendable > 0) {
      this.queue.push(flow);
      if (!this.sending) this.begin();
    } else {
      this.sendEnd(flow);
    }
  }

  /** Begins the next segment. Its end is counted from the start of the busy time, so that no rounding adds up. */
  private begin(): void {
    const flow = this.nextFlow();
    if (!flow) return;
    const bytes = Math.min(SEGMENT_BYTES, flow.sendable);
    if (this.busyBytes === 0) this.busySince = this.clock.ns;
    this.sending = flow;
    this.busyBytes += bytes;
    const done = this.busySince + Math.round((this.busyBytes * NS_PER_S) / this.bytesPerSecond);
    this.clock.at(done, () => this.serialised(flow, bytes));
  }

  /** Flows that were lost since they queued have nothing to send any more. */
  private nextFlow(): Flow | undefined {
    let flow = this.queue.shift();
    while (flow && flow.sendable === 0) flow = this.queue.shift();
    return flow;
  }

  private serialised(flow: Flow, bytes: number): void {
    this.clock.at(this.clock.ns + this.latencyNs, () => this.deliver(flow, bytes));
    flow.sent(bytes);
    this.sending = undefined;
    this.ready(flow);
    if (!this.sending) this.begin();
    if (!this.sending) this.busyBytes = 0;
  }

  private deliver(flow: Flow, bytes: number): void {
    if (flow.lost) return;
    const count = Math.min(bytes, this.budget);
    this.budget -= count;
    this.delivered += count;
    flow.arrived(count);
    if (this.budget > 0) return;
    this.budget = Number.POSITIVE_INFINITY;
    this.onSpent();
  }

  private sendEnd(flow: Flow): void {
    if (flow.takeEnd()) this.clock.at(this.clock.ns + this.latencyNs, () => flow.endArrived());
  }
}
