import type { Channel } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Silence } from '../io/silence.js';

export interface StreamWatchOptions {
  readonly stream: Channel;
  readonly clock: Clock;
  readonly stallMs: number;
  /** What grows as long as something comes. */
  readonly offset: () => number;
  readonly signal?: AbortSignal;
}

/**
 * Breaks the stream when nothing comes any more, or somebody calls it off. To end it costs more than to look away: a guest that is
 * stopped should not wait for the former.
 */
export class StreamWatch implements Disposable {
  private readonly silence: Silence;
  private away = false;

  constructor(private readonly options: StreamWatchOptions) {
    const { stream, clock, stallMs, offset, signal } = options;
    this.silence = new Silence(clock, stallMs, offset);
    this.silence.broken.catch((reason: Error) => {
      if (!this.away) stream.destroy(reason);
    });
    signal?.addEventListener('abort', this.stop, { once: true });
  }

  lookAway(): void {
    this.away = true;
  }

  [Symbol.dispose](): void {
    this.lookAway();
    this.options.signal?.removeEventListener('abort', this.stop);
    this.silence[Symbol.dispose]();
  }

  private readonly stop = (): void => {
    const { stream, signal } = this.options;
    if (!this.away) stream.destroy(signal?.reason);
  };
}
