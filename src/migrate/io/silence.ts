import { ChannelError } from './channel.js';
import type { Clock } from './clock.js';

/** Watches a count that should grow: `broken` rejects with a ChannelError when it has stood still for `ms`. */
export class Silence implements Disposable {
  readonly broken: Promise<never>;
  private readonly over = new AbortController();

  constructor(clock: Clock, ms: number, count: () => number) {
    this.broken = this.watch(clock, ms, count);
    this.broken.catch(() => undefined); // its end is no failure
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('nobody listens any more'));
  }

  private async watch(clock: Clock, ms: number, count: () => number): Promise<never> {
    for (let before = count(); ; ) {
      await clock.sleep(ms, this.over.signal);
      const now = count();
      if (now === before) throw new ChannelError('STALLED', `nothing came for ${ms} ms`);
      before = now;
    }
  }
}
