/**
 * Virtual time. Nothing passes while code runs; between events time jumps. With the same inputs the same things happen
 * in the same order: no timer, no I/O and no chance is involved.
 *
 * Time is kept in whole nanoseconds, so that sums are exact however a stretch of time is divided (2^53 ns are 104 days).
 */
import { EventQueue, type TimedEvent } from './event-queue.js';

export const NS_PER_US = 1_000;
export const NS_PER_MS = 1_000_000;
export const NS_PER_S = 1_000_000_000;

/**
 * Something that acts between events, such as a running vCPU: too often for each act to be an event, and of no interest
 * to others until it schedules one. Movers keep nothing alive: they run as long as others wait for time to pass.
 */
export interface Mover {
  /** When it acts next, in ns; Infinity while it rests. */
  readonly next: number;
  /**
   * Acts at `next`, at least once, and goes on while `next` is before `until`. Returns early when it scheduled an event.
   * Each act takes at least 1 ns.
   */
  move(until: number): void;
}

export interface ClockOptions {
  /** Longest virtual time a run may take: a scenario that lives on for ever is an error, not a hang. Default 1 h. */
  readonly limitMs?: number;
  /** How long movers go on when nothing is scheduled, since one of them may yet schedule something. Default 10 s. */
  readonly patienceMs?: number;
}

/** Events of one instant after which time is taken to stand still: something polls without sleeping. */
const INSTANT_LIMIT = 100_000;
/** Turns of the event loop, some 10 ms, that are given to work without sleeps (a digest) when no event is left. */
const LAST_TURNS = 10_000;

/** Nobody sleeps and nothing is on its way, but what was to be run has not settled. */
export class DeadlockError extends Error {
  override readonly name = 'DeadlockError';
  constructor(
    what: string,
    readonly waiting: readonly string[],
  ) {
    super(`${what}; waiting: ${waiting.length > 0 ? waiting.join(', ') : 'nothing that the simulation knows of'}`);
  }
}

/** A turn of the event loop: all microtasks, next ticks and immediates that are due have run after it. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Structurally the engine's Clock, and the queue of everything that is yet to happen. */
export class VirtualClock {
  private time = 0;
  private running = false;
  /** Pieces of outside() work under way, and sleeps. */
  private outsiders = 0;
  private sleepers = 0;
  private readonly events = new EventQueue();
  private readonly movers: Mover[] = [];
  private readonly observers = new Set<() => readonly string[]>();
  private readonly limit: number;
  private readonly patience: number;

  constructor({ limitMs = 3_600_000, patienceMs = 10_000 }: ClockOptions = {}) {
    this.limit = limitMs * NS_PER_MS;
    this.patience = patienceMs * NS_PER_MS;
  }

  /** Virtual milliseconds since the clock was made. */
  now(): number {
    return this.time / NS_PER_MS;
  }

  /** The same in nanoseconds. */
  get ns(): number {
    return this.time;
  }

  /** Events that are scheduled. */
  get pending(): number {
    return this.events.size;
  }

  /** Sleeps that have not ended, those without an end included. */
  get sleeping(): number {
    return this.sleepers;
  }

  /** Resolves after `ms`, rounded to nanoseconds but never to none; rejects with signal.reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (Number.isNaN(ms)) return Promise.reject(new RangeError('sleep(NaN)'));
    const ns = ms > 0 ? Math.max(1, Math.round(ms * NS_PER_MS)) : 0;
    return this.sleepNs(ns, signal);
  }

  async sleepNs(ns: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleepers++;
    try {
      await this.elapse(ns, signal);
    } finally {
      this.sleepers--;
    }
  }

  /** Calls `action` at `ns`, after what was scheduled earlier for that instant. */
  at(ns: number, action: () => void): TimedEvent {
    if (!(ns >= this.time)) throw new RangeError(`cannot schedule at ${ns} ns: it is ${this.time} ns`);
    return this.events.add(ns, action);
  }

  cancel(event: TimedEvent): void {
    this.events.remove(event);
  }

  /** Movers that act at the same instant do so in the order in which they were added. */
  addMover(mover: Mover): void {
    this.movers.push(mover);
  }

  removeMover(mover: Mover): void {
    const index = this.movers.indexOf(mover);
    if (index >= 0) this.movers.splice(index, 1);
  }

  /** Asks `observer` what is being waited for, should a run end in a deadlock. Returns what takes it back. */
  observe(observer: () => readonly string[]): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  /**
   * Lets time pass until `work` settles, and returns its result. After each event every callback that it set off runs
   * before the next one. Throws {@link DeadlockError} if nothing is left that could settle it.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    if (this.running) throw new Error('this clock is being run already');
    this.running = true;
    let settled = false;
    const onSettled = (): void => {
      settled = true;
    };
    work.then(onSettled, onSettled);
    try {
      await this.drive(() => settled);
      return await work;
    } finally {
      this.running = false;
    }
  }

  /**
   * Stops time until `work` settles: for what takes real time, such as reading a file. `work` must not sleep on this clock.
   */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.outsiders++;
    try {
      return await work;
    } finally {
      this.outsiders--;
    }
  }

  private elapse(ns: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      let event: TimedEvent | undefined;
      const onAbort = (): void => {
        if (event !== undefined) this.cancel(event);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      // Infinity is no event: only an abort ends it.
      if (ns === Number.POSITIVE_INFINITY) return;
      event = this.at(this.time + ns, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  private async drive(settled: () => boolean): Promise<void> {
    const end = this.time + this.limit;
    let idle = 0;
    let instant = 0;
    for (;;) {
      await turn();
      if (settled()) return;
      if (this.outsiders > 0) continue;
      if (this.events.size === 0 && ++idle <= LAST_TURNS) continue;
      idle = 0;
      const before = this.time;
      this.step(end);
      instant = this.time === before ? instant + 1 : 0;
      if (instant > INSTANT_LIMIT) this.giveUp('time stands still');
    }
  }

  /** Lets everything move that is due before the next event, then carries that out. */
  private step(end: number): void {
    if (this.events.size > 0 && this.events.next > end) this.giveUp(`no end within ${this.limit / NS_PER_MS} ms`);
    this.moveAll();
    const event = this.events.take();
    if (event === undefined) this.giveUp('deadlock');
    this.time = event.at;
    event.action();
  }

  /** Lets movers act, earliest first, as long as one is due before the next event. */
  private moveAll(): void {
    for (;;) {
      let first: Mover | undefined;
      let second = this.events.next;
      if (second === Number.POSITIVE_INFINITY) second = this.time + this.patience;
      for (const mover of this.movers) {
        if (first === undefined ? mover.next < second : mover.next < first.next) {
          if (first !== undefined) second = Math.min(second, first.next);
          first = mover;
        } else {
          second = Math.min(second, mover.next);
        }
      }
      if (first === undefined) return;
      first.move(second);
    }
  }

  private giveUp(what: string): never {
    const waiting = [...this.observers].flatMap((observer) => observer());
    throw new DeadlockError(`${what} at ${this.now()} ms`, waiting);
  }
}
