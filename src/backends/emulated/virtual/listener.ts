/** Connections that one host of a link makes to the other: structurally the engine's Dialer and Acceptor. */
import { broken } from './channel-error.js';
import { NS_PER_MS, type VirtualClock } from './clock.js';
import { type End, otherEnd, type SimulatedChannel } from './connection.js';
import type { Link } from './link.js';

/** Connections that wait to be accepted. More are refused. */
export const BACKLOG = 8;

/** Least time until a dial over a lost link fails, so that one who tries again at once does not stop time. */
const SHORTEST_FAILURE_NS = NS_PER_MS;

interface Waiter {
  readonly purpose: string;
  accept(channel: SimulatedChannel): void;
  reject(reason: unknown): void;
}

export class Listener {
  private readonly backlog: { readonly purpose: string; readonly channel: SimulatedChannel }[] = [];
  private readonly waiters: Waiter[] = [];
  private closed = false;
  private readonly forget: () => void;

  /** Listens at `at`; dial() is for the other end. */
  constructor(
    private readonly clock: VirtualClock,
    private readonly link: Link,
    private readonly at: End,
  ) {
    this.forget = clock.observe(() => this.waiting());
  }

  /** Takes a round trip. Rejects with `BROKEN` while the link is down, and when nobody listens or too many wait. */
  async dial(purpose: string, signal?: AbortSignal): Promise<SimulatedChannel> {
    signal?.throwIfAborted();
    if (!this.link.isUp) return this.unreachable(signal);
    await this.clock.sleepNs(this.link.latencyNs, signal);
    if (!this.link.isUp) return this.unreachable(signal);
    if (!this.admits(purpose)) {
      await this.clock.sleepNs(this.link.latencyNs, signal);
      throw broken(`${this.link.name}: connection refused`);
    }
    const channels = this.link.connect(purpose);
    this.offer(purpose, channels[this.at]);
    return this.established(channels[otherEnd(this.at)], signal);
  }

  /** Waits for the other end to dial with this purpose. Rejects with `BROKEN` once the listener is closed. */
  accept(purpose: string, signal?: AbortSignal): Promise<SimulatedChannel> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.closed) return Promise.reject(broken('the listener is closed'));
    const ready = this.takeReady(purpose);
    if (ready) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const accept = (channel: SimulatedChannel): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve(channel);
      };
      const waiter = { purpose, accept, reject };
      this.waiters.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Purposes that somebody waits for. */
  waiting(): string[] {
    return this.waiters.map(({ purpose }) => `${this.link.name} accept ${purpose}`);
  }

  close(): void {
    this.closed = true;
    this.forget();
    for (const { channel } of this.backlog.splice(0)) channel.destroy();
    for (const { reject } of this.waiters.splice(0)) reject(broken('the listener is closed'));
  }

  private async unreachable(signal?: AbortSignal): Promise<never> {
    await this.clock.sleepNs(Math.max(SHORTEST_FAILURE_NS, 2 * this.link.latencyNs), signal);
    throw broken(`${this.link.name} is down`);
  }

  private admits(purpose: string): boolean {
    if (this.closed) return false;
    this.dropDead();
    return this.backlog.length < BACKLOG || this.waiters.some((waiter) => waiter.purpose === purpose);
  }

  private offer(purpose: string, channel: SimulatedChannel): void {
    const index = this.waiters.findIndex((waiter) => waiter.purpose === purpose);
    if (index < 0) this.backlog.push({ purpose, channel });
    else this.waiters.splice(index, 1)[0].accept(channel);
  }

  /** The dialler hears of its success half a round trip after the other end. */
  private async established(channel: SimulatedChannel, signal?: AbortSignal): Promise<SimulatedChannel> {
    try {
      await this.clock.sleepNs(this.link.latencyNs, signal);
    } catch (error) {
      channel.destroy();
      throw error;
    }
    if (channel.closed) throw broken('the connection broke before it was established');
    return channel;
  }

  private takeReady(purpose: string): SimulatedChannel | undefined {
    this.dropDead();
    const index = this.backlog.findIndex((waiting) => waiting.purpose === purpose);
    return index < 0 ? undefined : this.backlog.splice(index, 1)[0].channel;
  }

  /** Connections that broke while they waited are of no use to anyone. */
  private dropDead(): void {
    for (let i = this.backlog.length - 1; i >= 0; i--) {
      if (this.backlog[i].channel.closed) this.backlog.splice(i, 1);
    }
  }
}
