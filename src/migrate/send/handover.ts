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
import { withPatience } from '../io/patience.js';
import { Line, readHello } from '../line.js';
import {
  decodeReason,
  decodeSync,
  encodeReason,
  encodeSync,
  isDisconnect,
  RecordType,
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

/** The control line, as the source holds it. A newer line takes the place of an older one, which may be dead unnoticed. */
export class Handover implements Disposable {
  private line: Line | undefined;
  /** The next line, should the destination dial again. */
  private coming: Promise<Line> | undefined;
  private ready: Promise<undefined> | undefined;
  private synced: { offset: number; resolve: () => void } | undefined;
  /** Aborted when the destination gives up, or its line breaks, before GO. */
  private readonly lost = new AbortController();
  private readonly over = new AbortController();

  constructor(private readonly options: HandoverOptions) {}

  /** Fires when the destination can no longer be handed the domain. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** Waits for the destination's first connection and listens to it from then on. */
  async open(signal: AbortSignal): Promise<void> {
    this.adopt(await this.patient('did not open its control line', this.nextLine(), signal));
    this.ready = this.listen(this.line as Line);
    this.ready.catch((error: unknown) => this.lost.abort(error));
  }

  /**
   * Resolves when the destination has taken in the stream up to `offset`. Called before the stop: what waits in socket buffers
   * then would be downtime.
   */
  async sync(offset: number, signal: AbortSignal): Promise<void> {
    const taken = new Promise<void>((resolve) => {
      this.synced = { offset, resolve };
    });
    await this.line?.writer.record(RecordType.SYNC, encodeSync(offset));
    await this.patient('did not take in the stream', taken, signal);
  }

  /** Resolves when the destination has restored everything. If it dials again to ask for the verdict, it has. */
  async untilReady(signal: AbortSignal): Promise<void> {
    if (!this.ready) throw new Error('the control line is not open');
    const line = await this.patient('did not get ready', Promise.race([this.ready, this.nextLine()]), signal);
    if (line) this.adopt(line);
  }

  /**
   * Says GO and waits until the domain runs over there. Rejects with DESTINATION_FAILED, survivor 'source', only if the
   * destination says that the domain never ran there and is destroyed; with HANDOVER_UNKNOWN if nobody says anything.
   */
  async go(): Promise<void> {
    const { clock, reconnectMs, domid } = this.options;
    const lateness = (): Error => new Error(`the destination did not come back within ${reconnectMs} ms`);
    using deadline = new Deadline(clock, reconnectMs, lateness);
    let said = false;
    for (;;) {
      try {
        const line = this.line ?? this.adopt(await abortable(this.nextLine(), deadline.signal));
        if (!said) {
          said = true;
          await line.writer.record(RecordType.GO); // THE POINT OF NO RETURN
        }
        const newer = await abortable(Promise.race([this.untilRunning(line), this.nextLine()]), deadline.signal);
        if (!newer) return void line.channel.end().catch(() => undefined); // tells the destination that we know
        this.adopt(newer);
      } catch (error) {
        this.dropLine();
        if (error instanceof MigrationError) throw error;
        if (deadline.signal.aborted || !isDisconnect(error)) throw unknownFate(domid, error);
      }
    }
  }

  /** Tells a destination that may be READY, and asks, that the answer is no. For as long as it may come back. */
  async refuse(reason: string): Promise<void> {
    const { clock, reconnectMs } = this.options;
    using deadline = new Deadline(clock, reconnectMs, () => new Error('nobody asked'));
    while (!deadline.signal.aborted) {
      try {
        const line = this.line ?? this.adopt(await abortable(this.nextLine(), deadline.signal));
        await line.writer.record(RecordType.ABORT, encodeReason(reason));
        await line.channel.end();
        const newer = await abortable(Promise.race([untilEnded(line), this.nextLine()]), deadline.signal);
        if (!newer) break;
        this.adopt(newer);
      } catch {
        this.dropLine();
      }
    }
    this[Symbol.dispose]();
  }

  /** Why the stream broke, if the destination says so. */
  async reasonForLoss(): Promise<unknown> {
    if (this.lost.signal.aborted || !this.ready) return this.lost.signal.reason;
    using deadline = new Deadline(this.options.clock, REASON_MS, () => new Error('no reason given'));
    await abortable(this.ready, deadline.signal).catch(() => undefined);
    return this.lost.signal.reason;
  }

  [Symbol.dispose](): void {
    this.over.abort(new Error('the handover is over'));
    this.coming?.then((line) => line.destroy()).catch(() => undefined);
    this.dropLine();
  }

  private patient<T>(fault: string, work: Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, stallMs } = this.options;
    return withPatience(clock, stallMs, `the destination ${fault} within ${stallMs} ms`, work, signal);
  }

  private adopt(line: Line): Line {
    this.coming = undefined;
    if (this.line !== line) this.line?.destroy();
    this.line = line;
    return line;
  }

  private nextLine(): Promise<Line> {
    if (!this.coming) {
      this.coming = this.acceptLine();
      this.coming.catch(() => undefined); // nobody may be waiting when it is called off
    }
    return this.coming;
  }

  private async acceptLine(): Promise<Line> {
    const { returns, clock, migrationId } = this.options;
    for (;;) {
      const line = new Line(await returns.accept('control', this.over.signal), 'control', 'source');
      try {
        using deadline = new Deadline(clock, HELLO_MS, () => new Error('no HELLO came'), this.over.signal);
        await abortable(readHello(line, 'control', migrationId), deadline.signal);
        return line;
      } catch {
        line.destroy();
      }
    }
  }

  /** Reads until READY. */
  private async listen({ reader }: Line): Promise<undefined> {
    for (;;) {
      const { type } = await reader.next();
      if (type !== RecordType.READY && type !== RecordType.SYNC) throw await refusal(reader, type, this.options.domid);
      const body = await reader.readBody();
      if (type === RecordType.READY) return undefined;
      if (this.synced && decodeSync(body) >= this.synced.offset) this.synced.resolve();
    }
  }

  /** Reads until RUNNING, answering every question with the verdict. */
  private async untilRunning({ reader, writer }: Line): Promise<undefined> {
    for (;;) {
      const { type } = await reader.next();
      if (type === RecordType.ABORT) throw await refusal(reader, type, this.options.domid);
      await reader.readBody();
      if (type === RecordType.RUNNING) return undefined;
      if (type === RecordType.VERDICT_REQUEST) await writer.record(RecordType.GO);
    }
  }

  private dropLine(): void {
    this.line?.destroy();
    this.line = undefined;
  }
}

/** Resolves when the peer has closed its side: it has read what we wrote. */
async function untilEnded({ reader }: Line): Promise<undefined> {
  try {
    await reader.next();
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
  }
  return undefined;
}

async function refusal(reader: Line['reader'], type: number, domid: number): Promise<Error> {
  const body = await reader.readBody();
  const reason = type === RecordType.ABORT ? decodeReason(body, reader.offset) : `it sent record ${type} before READY`;
  return new MigrationError('DESTINATION_FAILED', `the destination gave up: ${reason}`, {
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
