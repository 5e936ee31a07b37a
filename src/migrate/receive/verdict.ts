/** The destination's part of the handover; the conversation stands in send/handover.ts. */
import { MigrationError, reasonOf } from '../errors.js';
import type { Dialer } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { withPatience } from '../io/patience.js';
import { Line } from '../line.js';
import {
  decodeReason,
  decodeSync,
  encodeHello,
  encodeReason,
  encodeSync,
  isDisconnect,
  RecordType,
} from '../stream/index.js';

/** Between two attempts to reach a source that does not answer. */
export const REDIAL_MS = 200;

/** A source that has heard READY answers at once. One that does not may never have heard it, on a line that is dead. */
const ASK_AGAIN_MS = 2000;

export interface VerdictOptions {
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly reconnectMs: number;
  readonly migrationId: Uint8Array;
}

export class Verdict implements Disposable {
  private line: Line | undefined;
  /** The source's word on this line, or the line's end. */
  private word: Promise<void> | undefined;
  /** What the source wants to hear of, and how far the stream has been taken in. */
  private wanted = Number.POSITIVE_INFINITY;
  private taken = 0;

  constructor(private readonly options: VerdictOptions) {}

  /** Dials the source: early, so that it costs no downtime. */
  async open(signal?: AbortSignal): Promise<void> {
    this.line = await this.dial(signal);
    this.word = this.listen(this.line);
    this.word.catch(() => undefined); // asked for in await()
  }

  /** Everything of the stream up to `offset` has had its effect. */
  async takenIn(offset: number): Promise<void> {
    this.taken = offset;
    if (offset < this.wanted) return;
    this.wanted = Number.POSITIVE_INFINITY;
    await this.line?.writer.record(RecordType.SYNC, encodeSync(offset));
  }

  /**
   * READY, then the source's word. Resolves on GO. Rejects with ABORTED if the source says no: the caller destroys its copy.
   * Rejects with HANDOVER_UNKNOWN if nobody could be asked: the caller keeps its copy, paused.
   */
  async await(): Promise<void> {
    const { clock, reconnectMs } = this.options;
    using deadline = new Deadline(clock, reconnectMs, () => new Error(`no answer within ${reconnectMs} ms`));
    let question: number = RecordType.READY;
    for (;;) {
      try {
        this.line ??= await this.redial(deadline.signal);
        this.word ??= this.listen(this.line);
        await this.line.writer.record(question);
        return await this.patient(this.word, deadline.signal);
      } catch (error) {
        this.drop();
        if (error instanceof MigrationError) throw error;
        if (deadline.signal.aborted || !isDisconnect(error)) throw unknown(error);
        question = RecordType.VERDICT_REQUEST;
      }
    }
  }

  /** The domain runs. A source that cannot be told stays suspended for good, which harms nobody. */
  async running(): Promise<void> {
    const { clock, reconnectMs } = this.options;
    using deadline = new Deadline(clock, reconnectMs, () => new Error('the source does not answer'));
    while (!deadline.signal.aborted) {
      try {
        this.line ??= await this.redial(deadline.signal);
        await this.line.writer.record(RecordType.RUNNING);
        await this.line.channel.end();
        return await this.patient(untilClosed(this.line), deadline.signal);
      } catch {
        this.drop();
      }
    }
  }

  /** Tells the source that its domain is not here and never ran here. Best effort: silence says the same. */
  async refuse(error: unknown): Promise<void> {
    try {
      await this.line?.writer.record(RecordType.ABORT, encodeReason(reasonOf(error)));
      await this.line?.channel.end();
    } catch {
      // The source sees the broken line instead.
    }
  }

  [Symbol.dispose](): void {
    this.drop();
  }

  private patient<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    return withPatience(this.options.clock, ASK_AGAIN_MS, 'the source does not answer', work, signal);
  }

  private async redial(signal: AbortSignal): Promise<Line> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.dial(signal);
      } catch (error) {
        if (signal.aborted) throw error;
        await this.options.clock.sleep(REDIAL_MS, signal);
      }
    }
  }

  private async dial(signal?: AbortSignal): Promise<Line> {
    const { dialer, migrationId } = this.options;
    const line = new Line(await dialer.dial('control', signal), 'control', 'destination');
    await line.writer.record(RecordType.HELLO, encodeHello({ purpose: 'control', migrationId }));
    return line;
  }

  /** Resolves on GO, rejects with ABORTED; answers SYNC meanwhile. */
  private async listen({ reader, channel }: Line): Promise<void> {
    for (;;) {
      const { type } = await reader.next();
      const body = await reader.readBody();
      if (type === RecordType.GO) return;
      if (type === RecordType.ABORT) {
        await channel.end().catch(() => undefined);
        throw aborted(decodeReason(body, reader.offset));
      }
      this.wanted = decodeSync(body);
      await this.takenIn(this.taken);
    }
  }

  private drop(): void {
    this.line?.destroy();
    this.line = undefined;
    this.word = undefined;
  }
}

function aborted(reason: string): MigrationError {
  return new MigrationError('ABORTED', `the source gave the migration up: ${reason}`, {
    survivor: 'source',
    remedy: 'nothing is left of it here; look at the source for why',
  });
}

/** Resolves when the source has closed its end, which it does once it knows. */
async function untilClosed({ reader }: Line): Promise<void> {
  for (;;) {
    try {
      await reader.next();
      await reader.readBody();
    } catch (error) {
      if (!isDisconnect(error)) throw error;
      if (isBroken(error)) throw error;
      return;
    }
  }
}

function isBroken(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'BROKEN';
}

function unknown(cause: unknown): MigrationError {
  return new MigrationError(
    'HANDOVER_UNKNOWN',
    `this host was ready and the source cannot be asked: ${reasonOf(cause)}`,
    {
      survivor: 'unknown',
      cause,
      remedy:
        'the domain is here whole and paused: unpause it once you know that it does not run at the source, or destroy it',
    },
  );
}
