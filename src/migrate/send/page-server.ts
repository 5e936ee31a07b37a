/**
 * Stage 3 at the source: the suspended domain's pages leave by demand and by push (TSMC §3). A page leaves the set of
 * unsent pages when it is sent, whoever asks, so that it is sent once; only a broken connection brings it back, since the
 * destination then says what it still misses.
 *
 * Push: batches grow while no fault comes and start small again behind the window of the last one (CRIU's lazy pages: 64 KiB
 * steps; QEMU's background scan restarts at the requested page).
 */
import type { ForeignMemory } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { MigrationError, reasonOf } from '../errors.js';
import { abortable } from '../io/abortable.js';
import type { Acceptor } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { failureOf } from '../io/failure-of.js';
import type { RateLimiter } from '../io/limiter.js';
import { Line } from '../line.js';
import type { Recorder } from '../recorder.js';
import {
  decodeBitmap,
  decodeHello,
  decodeRequests,
  isDisconnect,
  type PageRequest,
  RecordType,
} from '../stream/index.js';
import { PageSender } from './page-sender.js';
import { PushCursor } from './push-cursor.js';

export interface PageServerOptions {
  readonly memory: ForeignMemory;
  readonly domid: number;
  readonly nrGfns: number;
  /** The pages that are missing at the destination. Owned by the server from here on. */
  readonly unsent: Uint8Array;
  readonly returns: Acceptor;
  readonly limiter: RateLimiter;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly reconnectMs: number;
}

interface Session extends Disposable {
  readonly push: Line;
  readonly urgent: Line;
}

export class PageServer {
  private readonly unsent: Uint8Array;
  /** What this server may ever send. */
  private readonly owned: Uint8Array;
  private readonly cursor: PushCursor;
  private readonly mayPush = new Gate();
  private note: Uint8Array = new Uint8Array(0);

  constructor(private readonly options: PageServerOptions) {
    this.unsent = options.unsent;
    this.owned = options.unsent.slice();
    this.cursor = new PushCursor(this.unsent, options.nrGfns);
  }

  /** The guest runs at the destination: the push begins. Before that only requests are answered. */
  startPush(): void {
    this.mayPush.open();
  }

  /** Serves until the destination says that it misses nothing; resolves to what it reports. Reconnects by itself. */
  async serve(signal: AbortSignal): Promise<Uint8Array> {
    for (let first = true; ; first = false) {
      using session = await this.acceptSession(first, signal);
      if (!first) this.reconnected();
      try {
        await this.serveSession(session, signal);
        return this.note;
      } catch (error) {
        if (signal.aborted || !isDisconnect(error)) throw error;
        this.broken(error);
      }
    }
  }

  private async acceptSession(first: boolean, signal: AbortSignal): Promise<Session> {
    const { clock, reconnectMs } = this.options;
    const late = (): Error => new Error(`the destination did not come back within ${reconnectMs} ms`);
    using deadline = new Deadline(clock, reconnectMs, late, signal);
    for (;;) {
      const lines: Line[] = [];
      try {
        const push = await this.acceptLine('push', lines, deadline.signal);
        const urgent = await this.acceptLine('urgent', lines, deadline.signal);
        await abortable(this.readMissing(push), deadline.signal);
        return { push, urgent, [Symbol.dispose]: () => closeAll(lines) };
      } catch (error) {
        closeAll(lines);
        if (signal.aborted) throw signal.reason;
        if (deadline.signal.aborted || !isDisconnect(error)) throw first ? error : this.gaveUp(error);
      }
    }
  }

  private async acceptLine(purpose: 'push' | 'urgent', lines: Line[], signal: AbortSignal): Promise<Line> {
    const channel = await this.options.returns.accept(purpose, signal);
    const line = new Line(channel, purpose, 'source', this.options.nrGfns);
    lines.push(line);
    const { offset } = await abortable(line.reader.expect(RecordType.HELLO), signal);
    decodeHello(await line.reader.readBody(), offset);
    return line;
  }

  /** Whatever was on its way when the last session broke is unsent again. */
  private async readMissing({ reader }: Line): Promise<void> {
    const { offset } = await reader.expect(RecordType.MISSING_BITMAP);
    const missing = decodeBitmap(await reader.readBody(), this.options.nrGfns, offset);
    this.unsent.set(missing);
    pageOps.bitmapAnd(this.unsent, this.owned);
    this.cursor.reset();
  }

  private async serveSession({ push, urgent }: Session, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    const senders = [this.sender(push, true), this.sender(urgent, false)];
    const pushing = this.push(senders[0], stop);
    const answering = this.answer(urgent, senders[1], stop);
    try {
      await abortable(Promise.race([this.untilDone(push), failureOf(pushing), failureOf(answering)]), signal);
    } finally {
      over.abort(new Error('the session is over'));
      push.destroy();
      urgent.destroy();
      await Promise.allSettled([pushing, answering, ...senders.map((sender) => sender.settle())]);
    }
  }

  private sender({ writer }: Line, waits: boolean): PageSender {
    const { memory, recorder, nrGfns, limiter } = this.options;
    const pace = waits
      ? (bytes: number, signal?: AbortSignal) => limiter.take(bytes, signal)
      : (bytes: number) => limiter.charge(bytes);
    return new PageSender({ memory, writer, recorder, nrGfns, elideZeroPages: false, pace });
  }

  private async push(sender: PageSender, stop: AbortSignal): Promise<void> {
    await abortable(this.mayPush.opened, stop);
    for (;;) {
      stop.throwIfAborted();
      const gfns = this.cursor.take(this.options.limiter);
      if (gfns.length === 0) return;
      await sender.send(gfns, 'push', stop);
      await sender.flush(); // a page on its way keeps a faulting vCPU's page waiting behind it
      this.options.recorder.progress(this.cursor.left());
    }
  }

  private async answer({ reader }: Line, sender: PageSender, stop: AbortSignal): Promise<void> {
    for (;;) {
      stop.throwIfAborted();
      const { offset } = await reader.expect(RecordType.REQUEST);
      for (const request of decodeRequests(await reader.readBody(), this.options.nrGfns, offset)) {
        await this.answerOne(request, sender);
      }
      await sender.flush();
    }
  }

  /** The page that a vCPU waits for goes first, in a record of its own. */
  private async answerOne({ wanted, first, count }: PageRequest, sender: PageSender): Promise<void> {
    const page = this.cursor.claim(wanted, 1);
    const window = this.cursor.claim(first, count);
    if (page.length > 0) await sender.send(page, 'demand');
    if (window.length > 0) await sender.send(window, 'prepull');
    this.cursor.faultAt(count > 0 ? first + count : wanted + 1);
  }

  private async untilDone({ reader, writer, channel }: Line): Promise<void> {
    await reader.expect(RecordType.DONE);
    this.note = await reader.readBody();
    await writer.record(RecordType.DONE);
    await channel.end();
    // The destination closes when it has read that.
    await reader.next().catch(() => undefined);
  }

  private broken(error: unknown): void {
    this.options.recorder.emit({ type: 'channel', what: 'broken', reason: reasonOf(error) });
    if (this.options.recorder.state === 'stage3') this.options.recorder.to('broken');
  }

  private reconnected(): void {
    this.options.recorder.emit({ type: 'channel', what: 'reconnected' });
    if (this.options.recorder.state === 'broken') this.options.recorder.to('stage3');
  }

  private gaveUp(cause: unknown): MigrationError {
    const { domid } = this.options;
    return new MigrationError(
      'POSTCOPY_BROKEN',
      `domain ${domid} runs at the destination with pages missing: ${reasonOf(cause)}`,
      {
        survivor: 'destination',
        domid,
        cause,
        remedy:
          'do not destroy the domain here: its pages are still needed; mend the network and connect the two again',
      },
    );
  }
}

function closeAll(lines: readonly Line[]): void {
  for (const line of lines) line.destroy();
}

/** A promise that somebody else resolves. */
class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}
