import { abortable } from './abortable.js';
import { ChannelError } from './channel.js';
import type { Clock } from './clock.js';
import { Deadline } from './deadline.js';

/**
 * Waits for a peer, but not for ever: a network that drops packets without a word would keep a stopped guest stopped. Rejects
 * with a ChannelError STALLED after `ms`.
 */
export async function withPatience<T>(
  clock: Clock,
  ms: number,
  complaint: string,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  using deadline = new Deadline(clock, ms, () => new ChannelError('STALLED', complaint), signal);
  return await abortable(work, deadline.signal);
}

interface Wait {
  readonly until: number;
  readonly giveUp: (reason: ChannelError) => void;
}

/** withPatience() for whoever waits once a batch: all waits share one timer. dispose() frees it. */
export class Patience implements Disposable {
  /** In the order in which they run out. */
  private readonly waits = new Set<Wait>();
  private readonly over = new AbortController();
  private watching = false;

  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
    private readonly complaint: string,
  ) {}

  for<T>(work: Promise<T>): Promise<T> {
    if (!Number.isFinite(this.ms)) return work;
    return new Promise((resolve, reject) => {
      const wait: Wait = { until: this.clock.now() + this.ms, giveUp: reject };
      this.waits.add(wait);
      if (!this.watching) void this.watch();
      work.then(resolve, reject).finally(() => this.waits.delete(wait));
    });
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('nobody waits any more'));
  }

  /** Sleeps until the oldest wait runs out, as long as there is one. */
  private async watch(): Promise<void> {
    this.watching = true;
    for (let oldest = this.oldest(); oldest !== undefined; oldest = this.oldest()) {
      await this.clock.sleep(Math.max(0, oldest.until - this.clock.now()), this.over.signal).catch(() => undefined);
      if (this.over.signal.aborted) return;
      if (this.waits.delete(oldest)) oldest.giveUp(new ChannelError('STALLED', this.complaint));
    }
    this.watching = false;
  }

  private oldest(): Wait | undefined {
    return this.waits.values().next().value;
  }
}
