/**
 * Emulated hosts with links between them on one virtual clock: the same hypervisor, guests and engine as live, in a time of
 * their own. What happens follows from the options and the scenario alone.
 */
import type { PagingMode } from '../../backend.js';
import { EmulatedHypervisor } from '../hypervisor.js';
import { type ClockOptions, VirtualClock } from './clock.js';
import type { SimulatedChannel } from './connection.js';
import { type CostModel, costModel } from './costs.js';
import { VirtualExecutionFactory } from './execution.js';
import { leftInHosts } from './leftovers.js';
import { Link, type LinkOptions } from './link.js';
import { Listener } from './listener.js';
import { Random } from './random.js';

export interface WorldOptions {
  /** Of {@link VirtualWorld.random}. Default 1. */
  readonly seed?: number;
  /** Default 2. */
  readonly hosts?: number;
  /** Memory of each host. */
  readonly ramBytes: number;
  /** Every pair of hosts has a link of its own, of this kind. */
  readonly link: LinkOptions;
  readonly costs?: Partial<CostModel>;
  /** Of domains that do not ask for one. */
  readonly pagingMode?: PagingMode;
  readonly suspendTimeoutMs?: number;
  readonly clock?: ClockOptions;
}

/** A scenario ended well, but left something behind. */
export class LeftoverError extends Error {
  override readonly name = 'LeftoverError';
  constructor(readonly leftovers: readonly string[]) {
    super(`left behind: ${leftovers.join(', ')}`);
  }
}

export class VirtualWorld implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly hosts: readonly EmulatedHypervisor[];
  readonly execution: VirtualExecutionFactory;
  private readonly links = new Map<string, Link>();
  private readonly listeners: Listener[] = [];

  constructor(private readonly options: WorldOptions) {
    const { seed = 1, hosts = 2, ramBytes, costs, pagingMode, suspendTimeoutMs } = options;
    this.clock = new VirtualClock(options.clock);
    this.random = new Random(seed);
    this.execution = new VirtualExecutionFactory(this.clock, costModel(costs));
    const { execution } = this;
    const sleep = (ms: number): Promise<void> => this.clock.sleep(ms);
    const host = (): EmulatedHypervisor =>
      new EmulatedHypervisor({ ramBytes, execution, pagingMode, sleep, suspendTimeoutMs });
    this.hosts = Array.from({ length: hosts }, host);
  }

  /** The link between two hosts; the one with the lower number is its end 0. */
  link(a = 0, b = 1): Link {
    const [low, high] = a < b ? [a, b] : [b, a];
    if (low === high || low < 0 || high >= this.hosts.length)
      throw new RangeError(`no link from host ${a} to host ${b}`);
    const name = `link ${low}-${high}`;
    const link = this.links.get(name) ?? new Link(this.clock, this.options.link, name);
    this.links.set(name, link);
    return link;
  }

  /** A connection that is there at once: the channels of host `from` and of host `to`. */
  connect(from: number, to: number, name: string): readonly [SimulatedChannel, SimulatedChannel] {
    const [low, high] = this.link(from, to).connect(name);
    return from < to ? [low, high] : [high, low];
  }

  /** Host `at` listens for connections that host `from` makes: the Acceptor of the one, the Dialer of the other. */
  listen(at: number, from: number): Listener {
    const listener = new Listener(this.clock, this.link(at, from), at < from ? 0 : 1);
    this.listeners.push(listener);
    return listener;
  }

  /**
   * Lets time pass until the scenario has ended. Rejects with {@link LeftoverError} if it leaves a sleep, a connection, a
   * mapping or a hold behind; domains may stay. What takes real time, such as building a guest, goes through
   * clock.outside() or comes before.
   */
  async run<T>(scenario: () => Promise<T>): Promise<T> {
    const result = await this.clock.run(scenario());
    // The last packets are still under way.
    await this.clock.run(
      this.clock.sleepNs(2 * Math.max(0, ...[...this.links.values()].map((link) => link.latencyNs))),
    );
    const leftovers = await this.leftovers();
    if (leftovers.length > 0) throw new LeftoverError(leftovers);
    return result;
  }

  /** What a scenario should have let go. */
  async leftovers(): Promise<string[]> {
    const connections = [...this.links.values()].flatMap((link) => link.open.map(({ name }) => `connection ${name}`));
    const waiting = this.listeners.flatMap((listener) => listener.waiting());
    const sleeps = this.clock.sleeping > 0 ? [`${this.clock.sleeping} sleeps`] : [];
    return [...sleeps, ...connections, ...waiting, ...(await leftInHosts(this.hosts, this.execution))];
  }

  /** Closes every host. Memory that is not free afterwards is still mapped by someone: an error. */
  async close(): Promise<void> {
    for (const listener of this.listeners) listener.close();
    for (const host of this.hosts) await host.close();
    const lost = this.hosts.filter((host) => host.freePages !== host.capabilities.maxPages);
    if (lost.length > 0) throw new LeftoverError([`memory of ${lost.length} hosts that is still mapped`]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
