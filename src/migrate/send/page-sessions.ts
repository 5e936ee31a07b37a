/** The pairs of connections (push, urgent) that a destination makes for stage 3, as the source accepts them. */
import { abortable } from '../io/abortable.js';
import type { Acceptor } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { Line, readHello } from '../line.js';
import { decodeBitmap, RecordType } from '../stream/index.js';

/** How long the rest of a pair may take once its first line is there. */
const REST_MS = 5000;

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
  private readonly over = new AbortController();

  constructor(private readonly options: PageSessionsOptions) {}

  /** The next pair. The same promise until it has been taken(). */
  next(): Promise<ServedSession> {
    if (!this.coming) {
      this.coming = this.accept();
      this.coming.catch(() => undefined); // nobody may be waiting when it is called off
    }
    return this.coming;
  }

  taken(): void {
    this.coming = undefined;
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('stage 3 is over'));
    this.coming?.then((session) => session[Symbol.dispose]()).catch(() => undefined);
  }

  private async accept(): Promise<ServedSession> {
    for (;;) {
      const lines: Line[] = [];
      const close = (): void => {
        for (const line of lines) line.destroy();
      };
      try {
        const push = await this.acceptLine('push', lines, this.over.signal);
        using rest = new Deadline(
          this.options.clock,
          REST_MS,
          () => new Error('no urgent line came'),
          this.over.signal,
        );
        const urgent = await this.acceptLine('urgent', lines, rest.signal);
        const missing = await abortable(this.readMissing(push), rest.signal);
        return { push, urgent, missing, [Symbol.dispose]: close };
      } catch (error) {
        close();
        if (this.over.signal.aborted) throw error;
      }
    }
  }

  private async acceptLine(purpose: 'push' | 'urgent', lines: Line[], signal: AbortSignal): Promise<Line> {
    const { returns, nrGfns, migrationId, clock } = this.options;
    const line = new Line(await returns.accept(purpose, signal), purpose, 'source', nrGfns);
    lines.push(line);
    using hello = new Deadline(clock, REST_MS, () => new Error('no HELLO came'), signal);
    await abortable(readHello(line, purpose, migrationId), hello.signal);
    return line;
  }

  private async readMissing({ reader }: Line): Promise<Uint8Array> {
    const { offset } = await reader.expect(RecordType.MISSING_BITMAP);
    return decodeBitmap(await reader.readBody(), this.options.nrGfns, offset);
  }
}
