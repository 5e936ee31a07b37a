/** A TCP connection over a simulated link: two flows and the channel that each end holds. */
import { broken, type ChannelError } from './channel-error.js';
import type { VirtualClock } from './clock.js';
import { Flow, type FlowLimits, type Wire } from './flow.js';

/** The ends of a link. */
export type End = 0 | 1;

export const otherEnd = (end: End): End => (end === 0 ? 1 : 0);

export class Connection {
  readonly channels: readonly [SimulatedChannel, SimulatedChannel];
  private lost = false;

  constructor(
    readonly name: string,
    private readonly clock: VirtualClock,
    private readonly latencyNs: number,
    wires: readonly [Wire, Wire],
    limits: FlowLimits,
  ) {
    const flows = [new Flow(wires[0], limits), new Flow(wires[1], limits)] as const;
    this.channels = [
      new SimulatedChannel(flows[0], flows[1], (reset) => this.hungUp(1, reset)),
      new SimulatedChannel(flows[1], flows[0], (reset) => this.hungUp(0, reset)),
    ];
  }

  /** Nothing gets through from now on. Each end learns of it `noticeNs` later. */
  lose(reason: string, noticeNs: readonly [number, number]): void {
    this.lost = true;
    const failure = broken(reason);
    for (const end of [0, 1] as const) {
      const channel = this.channels[end];
      channel.out.stop();
      if (noticeNs[end] === 0) channel.fail(failure);
      else if (!channel.closed) this.clock.at(this.clock.ns + noticeNs[end], () => channel.fail(failure));
    }
  }

  /** Neither end will hear anything more. */
  get closed(): boolean {
    return this.channels[0].closed && this.channels[1].closed;
  }

  waiting(): string[] {
    return this.channels.flatMap((channel, end) => channel.waiting().map((what) => `${this.name}[${end}] ${what}`));
  }

  /** The peer of `end` has gone, and a packet tells `end`, if any gets through. */
  private hungUp(end: End, reset: boolean): void {
    const channel = this.channels[end];
    if (this.lost || channel.closed) return;
    const failure = broken('the peer dropped the connection');
    this.clock.at(this.clock.ns + this.latencyNs, () => (reset ? channel.fail(failure) : channel.out.refuse(failure)));
  }
}

/** Structurally the engine's Channel. */
export class SimulatedChannel {
  private failure: ChannelError | undefined;

  /** `hangUp` tells the peer; with `reset` nothing that was on its way reaches it. */
  constructor(
    readonly out: Flow,
    private readonly inward: Flow,
    private readonly hangUp: (reset: boolean) => void,
  ) {}

  get bytesWritten(): number {
    return this.out.written;
  }

  read(into: Uint8Array): Promise<void> {
    return this.inward.read(into);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.out.write(chunks);
  }

  end(): Promise<void> {
    return this.out.end();
  }

  /** As closing a socket: what was written before an end() still goes, anything else is dropped. */
  destroy(reason?: Error): void {
    if (this.failure) return;
    const graceful = reason === undefined && this.out.draining;
    this.failure = broken('the channel was destroyed', reason);
    this.inward.abandon(this.failure);
    this.out.failWriter(this.failure);
    if (!graceful) this.out.stop();
    this.hangUp(!graceful);
  }

  /** The connection is gone, from this end's point of view. */
  fail(failure: ChannelError): void {
    this.failure ??= failure;
    this.inward.failReader(this.failure);
    this.out.failWriter(this.failure);
  }

  /** Destroyed or broken, or ended from both sides. */
  get closed(): boolean {
    return this.failure !== undefined || (this.out.draining && this.inward.finished);
  }

  waiting(): string[] {
    return [this.inward.readWaits, this.out.writeWaits].filter((what) => what !== undefined);
  }
}
