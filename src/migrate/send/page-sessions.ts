/** The pairs of connections (push, urgent) that a destination makes for stage 3, as the source accepts them. */
import { abortable } from '../io/abortable.js';
import type { Acceptor } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { Line, readHello } from '../line.js';
import { decodeBitmap, RecordType } from '../stream/index.js';

/** How long a new connection may take for its HELLO. */
const HELLO_MS = 5000;

export interface PageSessionsOptions {
  readonly returns: Acceptor;
  readonly clock: Clock;
  readonly migrationId: Uint8Array;
  readonly nrGfns: number;
}

export interface ServedSession extends Disposable {
  readonly push: Line;
  readonly urgent: Line;
  /** What the destination misses. */
  readonly missing: Uint8Array;
}

/** A newer pair takes the place of an older one, which may be dead unnoticed. */
export class PageSessions implements Disposable {
  private coming: Promise<ServedSession> | undefined;
  private pushLine: Promise<Line> | undefined;
  private readonly over = new AbortController();

  constructor(private readonly options: PageSessionsOptions) {}

  /** The next pair. The same promise until it has been taken(). */
  next(): Promise<ServedSession> {
    this.coming ??= heard(this.accept());
    return this.coming;
  }

  taken(): void {
    this.coming = undefined;
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('stage 3 is over'));
    this.coming?.then((session) => session[Symbol.dispose]()).catch(() => undefined);
    this.pushLine?.then((line) => line.destroy()).catch(() => undefined);
  }

  /** The destination dials push, then urgent; a new push line says that the pair before it is void. */
  private async accept(): Promise<ServedSession> {
    for (;;) {
      const push = await this.nextPush();
      this.pushLine = undefined;
      const attempt = new AbortController();
      const pair = heard(this.complete(push, AbortSignal.any([attempt.signal, this.over.signal])));
      const newer = this.nextPush();
      const first = await Promise.race([pair.catch(() => newer), newer]);
      if (!(first instanceof Line)) return first;
      attempt.abort(new Error('the destination has dialed again'));
      push.destroy();
      pair.then((session) => session[Symbol.dispose]()).catch(() => undefined);
    }
  }

  private nextPush(): Promise<Line> {
    this.pushLine ??= heard(this.acceptLine('push', this.over.signal));
    return this.pushLine;
  }

  /** The rest of a pair. MISSING_BITMAP comes when the destination has restored everything, which may take its time. */
  private async complete(push: Line, signal: AbortSignal): Promise<ServedSession> {
    const urgent = await this.acceptLine('urgent', signal);
    const close = (): void => {
      push.destroy();
      urgent.destroy();
    };
    try {
      const missing = await abortable(this.readMissing(push), signal);
      return { push, urgent, missing, [Symbol.dispose]: close };
    } catch (error) {
      close();
      throw error;
    }
  }

  private async acceptLine(purpose: 'push' | 'urgent', signal: AbortSignal): Promise<Line> {
    const { returns, nrGfns, migrationId, clock } = this.options;
    for (;;) {
      const line = new Line(await returns.accept(purpose, signal), purpose, 'source', nrGfns);
      try {
        using hello = new Deadline(clock, HELLO_MS, () => new Error('no HELLO came'), signal);
        await abortable(readHello(line, purpose, migrationId), hello.signal);
        return line;
      } catch (error) {
        line.destroy();
        if (signal.aborted) throw error;
      }
    }
  }

  private async readMissing({ reader }: Line): Promise<Uint8Array> {
    const { offset } = await reader.expect(RecordType.MISSING_BITMAP);
    return decodeBitmap(await reader.readBody(), this.options.nrGfns, offset);
  }
}

/** The same promise; its rejection is no failure where nobody waits for it any more. */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
