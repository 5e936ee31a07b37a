/** A simulated full-duplex link between two hosts. */
import { broken } from './channel-error.js';
import { NS_PER_MS, NS_PER_S, type VirtualClock } from './clock.js';
import { Connection, type End, type SimulatedChannel } from './connection.js';
import { Direction } from './direction.js';
import type { FlowLimits } from './flow.js';

export interface LinkOptions {
  /** Payload bytes a second in each direction, shared by all channels. */
  readonly bytesPerSecond: number;
  /** One way. */
  readonly latencyMs: number;
  /** Bytes that a channel takes before write() waits. Default 256 KiB. */
  readonly sendBuffer?: number;
  /** Bytes that wait for a reader, besides what fills the wire for a round trip. Default 256 KiB. */
  readonly receiveBuffer?: number;
}

/** How much later each end notices that the link was cut, as keep-alives and time-outs would have it. */
export interface CutOptions {
  readonly noticeMs?: readonly [number, number];
}

const DEFAULT_BUFFER = 256 * 1024;

export class Link {
  readonly latencyNs: number;
  private readonly directions: readonly [Direction, Direction];
  private readonly limits: FlowLimits;
  private connections: Connection[] = [];
  private up = true;

  constructor(
    private readonly clock: VirtualClock,
    private readonly options: LinkOptions,
    readonly name = 'link',
  ) {
    const { bytesPerSecond, latencyMs, sendBuffer = DEFAULT_BUFFER, receiveBuffer = DEFAULT_BUFFER } = options;
    if (!(bytesPerSecond > 0 && latencyMs >= 0 && sendBuffer > 0 && receiveBuffer > 0)) {
      throw new RangeError(`not a link: ${JSON.stringify(options)}`);
    }
    this.latencyNs = Math.round(latencyMs * NS_PER_MS);
    // As Linux tunes its windows: never what limits a reader that keeps up.
    const roundTrip = Math.ceil((2 * this.latencyNs * bytesPerSecond) / NS_PER_S);
    this.limits = { sendBuffer, window: receiveBuffer + roundTrip };
    this.directions = [this.direction(), this.direction()];
    clock.observe(() => this.connections.flatMap((connection) => connection.waiting()));
  }

  get isUp(): boolean {
    return this.up;
  }

  /** Connections that at least one end has not closed yet. */
  get open(): readonly Connection[] {
    this.connections = this.connections.filter((connection) => !connection.closed);
    return this.connections;
  }

  /** Bytes that have reached the other end from `end`, over all channels. */
  delivered(from: End): number {
    return this.directions[from].delivered;
  }

  /** A connection that is there at once: element 0 is the channel of end 0. Throws `BROKEN` while the link is down. */
  connect(name: string): readonly [SimulatedChannel, SimulatedChannel] {
    if (!this.up) throw broken(`${this.name} is down`);
    const connection = new Connection(`${this.name} ${name}`, this.clock, this.latencyNs, this.directions, this.limits);
    this.connections = [...this.open, connection];
    return connection.channels;
  }

  /** Every channel breaks, with what is on its way, and none can be made until restore(). */
  cut({ noticeMs = [0, 0] }: CutOptions = {}): void {
    this.up = false;
    const notice = [Math.round(noticeMs[0] * NS_PER_MS), Math.round(noticeMs[1] * NS_PER_MS)] as const;
    for (const connection of this.open) connection.lose(`${this.name} was cut`, notice);
  }

  restore(): void {
    this.up = true;
  }

  /** Cuts the link when `bytes` more have arrived from `from`: these are the last. */
  cutAfter(from: End, bytes: number, options?: CutOptions): void {
    this.directions[from].limit(bytes, () => this.cut(options));
  }

  private direction(): Direction {
    return new Direction(this.clock, this.options.bytesPerSecond, this.latencyNs);
  }
}
