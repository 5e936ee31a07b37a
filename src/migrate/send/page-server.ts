/**
 * Stage 3 at the source: the suspended domain's pages leave by demand, by prepull and by push (TSMC §3). A page leaves the
 * set of unsent pages when it is sent, whoever asks, so that it is sent once; only a broken connection brings it back, since
 * the destination then says what it still misses.
 *
 * A page that a vCPU waits for goes out on the urgent line at once. The window round it is what the push sends next; the push
 * then goes on behind it, in batches that grow while no fault comes (CRIU's lazy pages; QEMU's background scan restarts at
 * the requested page).
 */
import { type HeldPages, MAX_BATCH, PAGE_SIZE, PageType } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { MigrationError, reasonOf } from '../errors.js';
import { abortable } from '../io/abortable.js';
import { ChannelError } from '../io/channel.js';
import { Deadline } from '../io/deadline.js';
import { failureOf } from '../io/failure-of.js';
import type { RateLimiter } from '../io/limiter.js';
import { withPatience } from '../io/patience.js';
import { Silence } from '../io/silence.js';
import type { Line } from '../line.js';
import { type RecordedSet, SetRecorder } from '../recorded-set.js';
import type { Recorder } from '../recorder.js';
import {
  decodeRequests,
  decodeTaken,
  encodeRecordedSet,
  isDisconnect,
  RecordType,
  recordName,
  StreamError,
} from '../stream/index.js';
import { PageSender, type PageSenderParts, type PageSource, type SentBatch } from './page-sender.js';
import { PageSessions, type PageSessionsOptions, type ServedSession } from './page-sessions.js';
import { PushCursor } from './push-cursor.js';
import { PushPace } from './push-pace.js';

/** A capped link is held by one batch for no longer than this, unless a smaller one is not worth it. */
const BATCH_MS = 20;
/** How long the last word may take. */
const GOODBYE_MS = 5000;
/** A destination that answers no page for so long counts as lost until it connects anew. */
const STALL_MS = 10_000;

export interface PageServerOptions extends PageSessionsOptions {
  /** What is missing at the destination, whatever becomes of the domain here. Owned by the server from here on. */
  readonly pages: HeldPages;
  readonly domid: number;
  /** The pages that are missing at the destination. Owned by the server from here on. */
  readonly unsent: Uint8Array;
  readonly limiter: RateLimiter;
  readonly recorder: Recorder;
  readonly reconnectMs: number;
  readonly patience: PageSenderParts['patience'];
  /** Pages to push before the others. */
  readonly recordedSet: RecordedSet;
}

export class PageServer {
  private readonly unsent: Uint8Array;
  /** What this server may ever send. */
  private readonly owned: Uint8Array;
  private readonly cursor: PushCursor;
  private readonly setRecorder: SetRecorder;
  private readonly mayPush = new Gate();
  private note: Uint8Array = new Uint8Array(0);
  /** Batches of the push that the destination has not said to have taken, oldest first. */
  private untaken: Uint32Array[] = [];
  /** The destination has said that it misses nothing. */
  private done = false;

  constructor(private readonly options: PageServerOptions) {
    this.unsent = options.unsent;
    this.owned = options.unsent.slice();
    this.cursor = new PushCursor(this.unsent, options.nrGfns);
    this.setRecorder = new SetRecorder(options.recordedSet, options.nrGfns);
  }

  /** The guest runs at the destination: the push begins. Before that only requests are answered. */
  startPush(): void {
    this.mayPush.open();
  }

  /** Serves until the destination says that it misses nothing; resolves to what it reports. Reconnects by itself. */
  async serve(signal: AbortSignal): Promise<Uint8Array> {
    using sessions = new PageSessions(this.options);
    for (let again = false; ; again = true) {
      using session = await this.nextSession(sessions, again, signal);
      this.begin(session, again);
      try {
        await this.serveSession(session, sessions, signal);
        return this.note;
      } catch (error) {
        if (signal.aborted || !isDisconnect(error)) throw error;
        this.broken(error);
      }
    }
  }

  private async nextSession(sessions: PageSessions, again: boolean, signal: AbortSignal): Promise<ServedSession> {
    const { clock, reconnectMs } = this.options;
    const late = (): Error => new Error(`the destination did not come back within ${reconnectMs} ms`);
    // The first comes when the destination has restored everything, which it may take its time for.
    using deadline = new Deadline(clock, again ? reconnectMs : Number.POSITIVE_INFINITY, late, signal);
    try {
      const session = await abortable(sessions.next(), deadline.signal);
      sessions.taken();
      return session;
    } catch (error) {
      throw again && !signal.aborted ? lostPages(this.options.domid, error) : error;
    }
  }

  /** Whatever was on its way when the last session broke is unsent again: the destination says what it misses. */
  private begin({ missing }: ServedSession, again: boolean): void {
    this.done = false;
    this.untaken = [];
    this.unsent.set(missing);
    pageOps.bitmapAnd(this.unsent, this.owned);
    this.cursor.reset();
    this.cursor.expect(this.options.recordedSet);
    if (!again) return;
    this.options.recorder.emit({ type: 'channel', what: 'reconnected' });
    if (this.options.recorder.state === 'broken') this.options.recorder.to('stage3');
  }

  private async serveSession(
    { push, urgent }: ServedSession,
    sessions: PageSessions,
    signal: AbortSignal,
  ): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    const { limiter, clock } = this.options;
    // The push has paid before it chose its pages.
    const pushSender = this.sender(push, () => undefined);
    const urgentSender = this.sender(urgent, (bytes) => limiter.takeUrgent(bytes, stop));
    const pace = new PushPace(clock);
    const pushing = this.push(pushSender, pace, stop);
    const answering = this.answer(urgent, urgentSender);
    // Grows as long as the destination answers, or has nothing to answer.
    let idle = 0;
    using silence = new Silence(clock, STALL_MS, () => pace.answers + (pace.isWaiting ? 0 : ++idle));
    const failures = [failureOf(pushing), failureOf(answering), silence.broken, superseded(sessions)];
    const work = [this.untilDone(push, pace), ...failures];
    try {
      await abortable(Promise.race(work), signal);
    } finally {
      over.abort(new Error('the session is over'));
      push.destroy();
      urgent.destroy();
      await Promise.allSettled([pushing, answering, pushSender.settle(), urgentSender.settle()]);
    }
  }

  private sender({ writer }: Line, pace: PageSenderParts['pace']): PageSender {
    const { pages, recorder, nrGfns, patience } = this.options;
    return new PageSender({ memory: sourceOf(pages), writer, recorder, nrGfns, patience, elideZeroPages: false, pace });
  }

  private async push(sender: PageSender, pace: PushPace, stop: AbortSignal): Promise<void> {
    const { limiter, recorder } = this.options;
    await abortable(this.mayPush.opened, stop);
    for (;;) {
      await abortable(pace.room(), stop);
      const least = pace.leastPages;
      // A batch too small to be worth its cost at the destination makes every page come later, the one that is waited for too.
      const allowed = Math.max(least, Math.min(pace.batchPages, limiter.batchPages(BATCH_MS, MAX_BATCH)));
      const most = this.cursor.next(allowed, least);
      // A page that is chosen can no longer be asked for, so the waiting comes first.
      await limiter.take(most * PAGE_SIZE, stop);
      const { gfns, why } = this.cursor.take(most, least);
      limiter.charge((gfns.length - most) * PAGE_SIZE);
      if (gfns.length === 0) return;
      pace.sent(gfns.length);
      this.untaken.push(gfns.slice());
      this.mustBeSent(await sender.send(gfns, why, stop));
      recorder.progress(() => this.cursor.left());
    }
  }

  /** The domain is stopped and its pages are mapped for reading: what cannot be mapped now never can. */
  private mustBeSent({ deferred }: SentBatch): void {
    if (deferred.length === 0) return;
    const { domid } = this.options;
    const cause = new Error(`gfn 0x${deferred[0].toString(16)} of the stopped domain cannot be mapped`);
    throw lostPages(domid, cause);
  }

  private async answer(urgent: Line, sender: PageSender): Promise<void> {
    try {
      await this.answerRequests(urgent, sender);
    } catch (error) {
      // A destination that misses nothing closes both lines, and which end is seen first is chance.
      if (!this.done || !isDisconnect(error)) throw error;
    }
  }

  private async answerRequests({ reader }: Line, sender: PageSender): Promise<never> {
    for (;;) {
      const { offset } = await reader.expect(RecordType.REQUEST);
      for (const { wanted, first, count } of decodeRequests(await reader.readBody(), this.options.nrGfns, offset)) {
        const page = this.cursor.claim(wanted);
        this.cursor.faultAt(first, count);
        // Before the guest runs it is not the guest that asks.
        if (this.mayPush.isOpen) this.setRecorder.add(wanted, { first, count });
        if (page.length > 0) this.mustBeSent(await sender.send(page, 'demand'));
      }
    }
  }

  private async untilDone({ reader, writer, channel }: Line, pace: PushPace): Promise<void> {
    for (;;) {
      const { type, offset } = await reader.next();
      this.note = await reader.readBody();
      if (type === RecordType.DONE) break;
      if (type !== RecordType.TAKEN) throw new StreamError('BAD_ORDER', `${recordName(type)} in stage 3`, offset);
      pace.answered(decodeTaken(this.note));
      this.letGo();
    }
    this.done = true;
    const set = this.setRecorder.set();
    if (set.length > 0) await writer.record(RecordType.RECORDED_SET, encodeRecordedSet(set));
    await writer.record(RecordType.DONE);
    await channel.end();
    // The destination closes when it has read that. If we never hear of it, it has all it needs.
    await withPatience(this.options.clock, GOODBYE_MS, 'no goodbye came', reader.next()).catch(() => undefined);
  }

  /** What the destination has taken never leaves from here again. */
  private letGo(): void {
    const taken = this.untaken.shift();
    if (taken) this.options.pages.release(taken);
  }

  private broken(error: unknown): void {
    this.options.recorder.emit({ type: 'channel', what: 'broken', reason: reasonOf(error) });
    if (this.options.recorder.state === 'stage3') this.options.recorder.to('broken');
  }
}

/** What is held can be read: the types of its pages are not asked for, since the domain may be gone. */
function sourceOf(pages: HeldPages): PageSource {
  return {
    types: async (gfns) => new Uint8Array(gfns.length).fill(PageType.NOTAB),
    map: async (gfns) => pages.map(gfns),
  };
}

function lostPages(domid: number, cause: unknown): MigrationError {
  const text = `domain ${domid} runs at the destination with pages missing: ${reasonOf(cause)}`;
  return new MigrationError('POSTCOPY_BROKEN', text, {
    survivor: 'destination',
    domid,
    cause,
    remedy:
      'the destination cannot fetch them any more: destroy the domain at both hosts, and restore it from its last save',
  });
}

/** Rejects when the destination has dialed again: to it, this session is over. */
async function superseded(sessions: PageSessions): Promise<never> {
  await sessions.next();
  throw new ChannelError('BROKEN', 'the destination has connected anew');
}

/** A promise that somebody else resolves. */
class Gate {
  isOpen = false;
  private resolve!: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });

  open(): void {
    this.isOpen = true;
    this.resolve();
  }
}
