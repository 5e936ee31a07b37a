/**
 * Who runs the domain: two-phase commit with the source as coordinator.
 *
 *   destination                 source
 *   HELLO ───────────────────▶                 as soon as the stream begins
 *   READY ───────────────────▶                 everything restored, the domain paused
 *         ◀─────────────────── GO              the point of no return
 *   RUNNING ─────────────────▶                 unpaused
 *
 * Until GO, any failure leaves the domain with the source. From GO on the source never resumes it; if the connection
 * breaks, the destination comes back and asks (VERDICT_REQUEST), and gets the same verdict again. A destination that has said
 * READY decides nothing by itself. So at no instant may both run, and neither is given up while it can be asked.
 */
import { MigrationError, reasonOf } from '../errors.js';
import { abortable } from '../io/abortable.js';
import type { Acceptor } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { Deferred } from '../io/deferred.js';
import { withPatience } from '../io/patience.js';
import { Line, readHello } from '../line.js';
import {
  decodeReason,
  decodeSync,
  encodeReason,
  encodeSync,
  RecordType,
  recordName,
  StreamError,
} from '../stream/index.js';

/** How long a destination may take to say why it broke the stream off. */
const REASON_MS = 1000;
/** How long a new destination connection may take for its HELLO. */
const HELLO_MS = 5000;

export interface HandoverOptions {
  readonly returns: Acceptor;
  readonly clock: Clock;
  /** How long to wait for a destination whose connection broke. */
  readonly reconnectMs: number;
  /** How long a destination may say nothing where it should. */
  readonly stallMs: number;
  readonly domid: number;
  readonly migrationId: Uint8Array;
}

/**
 * The source's end of the control line. The destination may dial again at any time: a newer line takes the place of an
 * older one, which may be dead unnoticed. Each line has one reader, from its HELLO to its end.
 */
export class Handover implements Disposable {
  private line: Line | undefined;
  private verdict: 'yes' | 'no' | undefined;
  private refusal = '';
  private syncOffset = Number.POSITIVE_INFINITY;
  private readonly opened = new Deferred();
  private readonly synced = new Deferred();
  private readonly ready = new Deferred();
  private readonly running = new Deferred();
  /** The destination has closed a line on which it was told no. */
  private readonly told = new Deferred();
  /** Aborted when the destination gives up, or its line breaks, before the verdict. */
  private readonly lost = new AbortController();
  private readonly over = new AbortController();

  constructor(private readonly options: HandoverOptions) {}

  /** Fires when the destination can no longer be handed the domain. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** Waits for the destination's first connection. */
  async open(signal: AbortSignal): Promise<void> {
    this.acceptLines().catch(() => undefined); // ends when the handover is over
    await this.patient('did not open its control line', this.opened.promise, signal);
  }

  /**
   * Resolves when the destination has taken in the stream up to `offset`. Called once, before the stop: what waits in socket
   * buffers then would be downtime.
   */
  async sync(offset: number, signal: AbortSignal): Promise<void> {
    this.syncOffset = offset;
    await this.line?.writer.record(RecordType.SYNC, encodeSync(offset));
    await this.patient('did not take in the stream', this.synced.promise, signal);
  }

  /** Resolves when the destination has restored everything. */
  untilReady(signal: AbortSignal): Promise<void> {
    return this.patient('did not get ready', this.ready.promise, signal);
  }

  /**
   * Says GO and waits until the domain runs over there. Rejects with DESTINATION_FAILED, survivor 'source', only if the
   * destination says that the domain never ran there and is destroyed; with HANDOVER_UNKNOWN if nobody says anything.
   */
  async go(): Promise<void> {
    const { clock, reconnectMs, domid } = this.options;
    using deadline = new Deadline(clock, reconnectMs, () => new Error(`no answer within ${reconnectMs} ms`));
    this.verdict = 'yes'; // THE POINT OF NO RETURN
    this.line?.writer.record(RecordType.GO).catch(() => undefined); // a destination that does not get it will ask
    try {
      await abortable(this.running.promise, deadline.signal);
    } catch (error) {
      throw error instanceof MigrationError ? error : unknownFate(domid, error);
    }
    await this.line?.channel.end().catch(() => undefined); // tells the destination that we know
  }

  /** Tells a destination that may be READY, or come and ask, that the answer is no. Resolves when it knows, or may never. */
  async refuse(reason: string): Promise<void> {
    const { clock, reconnectMs } = this.options;
    using deadline = new Deadline(clock, reconnectMs, () => new Error('nobody asked'));
    this.verdict = 'no';
    this.refusal = reason;
    if (this.line) await this.answer(this.line);
    await abortable(this.told.promise, deadline.signal).catch(() => undefined);
    this[Symbol.dispose]();
  }

  /** Why the stream broke, if the destination says so. */
  async reasonForLoss(): Promise<unknown> {
    using deadline = new Deadline(this.options.clock, REASON_MS, () => new Error('no reason given'));
    if (this.line) await abortable(this.ready.promise, deadline.signal).catch(() => undefined);
    return this.lost.signal.reason;
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('the handover is over'));
    this.line?.destroy();
    this.line = undefined;
  }

  private patient(fault: string, work: Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, stallMs } = this.options;
    return withPatience(clock, stallMs, `the destination ${fault} within ${stallMs} ms`, work, signal);
  }

  private async acceptLines(): Promise<never> {
    for (;;) {
      const line = new Line(await this.options.returns.accept('control', this.over.signal), 'control', 'source');
      if (!(await this.greeted(line))) continue;
      this.line?.destroy();
      this.line = line;
      this.opened.resolve();
      this.listen(line).catch((error: unknown) => this.ended(line, error));
    }
  }

  private async greeted(line: Line): Promise<boolean> {
    const { clock, migrationId } = this.options;
    using deadline = new Deadline(clock, HELLO_MS, () => new Error('no HELLO came'), this.over.signal);
    try {
      await abortable(readHello(line, 'control', migrationId), deadline.signal);
      return true;
    } catch {
      line.destroy();
      return false;
    }
  }

  private async listen(line: Line): Promise<never> {
    for (;;) {
      const { type } = await line.reader.next();
      const body = await line.reader.readBody();
      switch (type) {
        case RecordType.SYNC:
          if (decodeSync(body) >= this.syncOffset) this.synced.resolve();
          break;
        case RecordType.READY:
          this.ready.resolve();
          break;
        case RecordType.VERDICT_REQUEST:
          this.ready.resolve(); // it was, and lost us
          await this.answer(line);
          break;
        case RecordType.RUNNING:
          this.runs(line);
          break;
        default:
          throw refused(type, body, line.reader.offset, this.options.domid);
      }
    }
  }

  private runs(line: Line): void {
    if (this.verdict !== 'yes') throw new StreamError('BAD_ORDER', 'RUNNING came before GO', line.reader.offset);
    this.running.resolve();
  }

  /** The verdict, as often as it is asked for; nothing while there is none. */
  private async answer({ writer, channel }: Line): Promise<void> {
    try {
      if (this.verdict === 'yes') await writer.record(RecordType.GO);
      if (this.verdict !== 'no') return;
      await writer.record(RecordType.ABORT, encodeReason(this.refusal));
      await channel.end();
    } catch {
      // The line is gone; the destination will dial again.
    }
  }

  private ended(line: Line, error: unknown): void {
    line.destroy();
    if (line !== this.line) return;
    this.line = undefined;
    // It closed the line on which it was told, or it gave up by itself.
    if (error instanceof MigrationError || (this.verdict === 'no' && error instanceof StreamError)) this.told.resolve();
    if (error instanceof MigrationError) this.running.reject(error);
    if (this.verdict !== undefined) return;
    this.ready.reject(error);
    this.lost.abort(error);
  }
}

/** The destination gave up: its domain never ran and is destroyed. */
function refused(type: number, body: Uint8Array, offset: number, domid: number): Error {
  if (type !== RecordType.ABORT) return new StreamError('BAD_ORDER', `${recordName(type)} on the control line`, offset);
  return new MigrationError('DESTINATION_FAILED', `the destination gave up: ${decodeReason(body, offset)}`, {
    survivor: 'source',
    domid,
    remedy: 'the domain runs on here; mend the destination and migrate again',
  });
}

function unknownFate(domid: number, cause: unknown): MigrationError {
  return new MigrationError(
    'HANDOVER_UNKNOWN',
    `domain ${domid} was handed over and the answer was lost: ${reasonOf(cause)}`,
    {
      survivor: 'unknown',
      domid,
      cause,
      remedy: 'look at the destination: if the domain runs there, destroy it here; it stays suspended here until then',
    },
  );
}
