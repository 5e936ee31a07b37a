import type { Clock } from './clock.js';

/** One for all: making an error with its stack costs more than a batch of pages should. */
const OVER = new Error('over in time');

/** Aborted when `parent` is, or after `ms`. dispose() frees the timer. */
export class Deadline implements Disposable {
  private readonly controller = new AbortController();
  private readonly done = new AbortController();
  private readonly stopListening: () => void;

  constructor(clock: Clock, ms: number, reason: () => Error, parent?: AbortSignal) {
    const onAbort = (): void => this.controller.abort(parent?.reason);
    if (parent?.aborted) onAbort();
    parent?.addEventListener('abort', onAbort, { once: true });
    this.stopListening = () => parent?.removeEventListener('abort', onAbort);
    if (Number.isFinite(ms)) {
      clock.sleep(ms, this.done.signal).then(
        () => this.controller.abort(reason()),
        () => undefined,
      );
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  [Symbol.dispose](): void {
    this.stopListening();
    this.done.abort(OVER);
  }
}
