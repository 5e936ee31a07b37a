/** The pair of connections that carries stage 3, as the destination makes it. */
import type { Dialer } from '../io/channel.js';
import type { Clock } from '../io/clock.js';
import { Deadline } from '../io/deadline.js';
import { Line } from '../line.js';
import { encodeBitmap, encodeHello, RecordType } from '../stream/index.js';
import { REDIAL_MS } from './verdict.js';

export interface SessionOptions {
  readonly dialer: Dialer;
  readonly migrationId: Uint8Array;
  readonly nrGfns: number;
  readonly clock: Clock;
  readonly reconnectMs: number;
}

export interface PageSession extends Disposable {
  readonly push: Line;
  readonly urgent: Line;
}

/** Connects both; the source takes notice only of {@link announce}. */
export async function dialPair(options: SessionOptions, signal?: AbortSignal): Promise<PageSession> {
  const push = await dial(options, 'push', signal);
  try {
    const urgent = await dial(options, 'urgent', signal);
    const close = (): void => {
      push.destroy();
      urgent.destroy();
    };
    return { push, urgent, [Symbol.dispose]: close };
  } catch (error) {
    push.destroy();
    throw error;
  }
}

/** Says what the source is to send, a bitmap; from here on it answers. */
export async function announce({ push }: PageSession, nrGfns: number, missing: Uint8Array): Promise<void> {
  await push.writer.record(RecordType.MISSING_BITMAP, encodeBitmap(nrGfns, missing));
}

/** Tries until it succeeds, `reconnectMs` have passed or the signal fires. `missing` is asked for anew each time. */
export async function reconnect(
  options: SessionOptions,
  missing: () => Uint8Array,
  signal: AbortSignal,
): Promise<PageSession> {
  const { clock, reconnectMs } = options;
  const late = (): Error => new Error(`the source did not answer for ${reconnectMs} ms`);
  using deadline = new Deadline(clock, reconnectMs, late, signal);
  for (;;) {
    try {
      return await connect(options, missing(), deadline.signal);
    } catch {
      deadline.signal.throwIfAborted();
      await clock.sleep(REDIAL_MS, deadline.signal);
    }
  }
}

async function connect(options: SessionOptions, missing: Uint8Array, signal: AbortSignal): Promise<PageSession> {
  const session = await dialPair(options, signal);
  try {
    await announce(session, options.nrGfns, missing);
    return session;
  } catch (error) {
    session[Symbol.dispose]();
    throw error;
  }
}

async function dial(options: SessionOptions, purpose: 'push' | 'urgent', signal?: AbortSignal): Promise<Line> {
  const { dialer, nrGfns, migrationId } = options;
  const line = new Line(await dialer.dial(purpose, signal), purpose, 'destination', nrGfns);
  try {
    await line.writer.record(RecordType.HELLO, encodeHello({ purpose, migrationId }));
    return line;
  } catch (error) {
    line.destroy();
    throw error;
  }
}
