import type { Domain } from '../../backends/backend.js';
import type { Clock } from '../io/clock.js';
import type { RateLimiter } from '../io/limiter.js';
import type { Suspender } from '../options.js';
import type { Recorder } from '../recorder.js';
import type { RecordWriter } from '../stream/index.js';
import type { PageSender } from './page-sender.js';

/** What the stages at the source share. */
export interface SendContext {
  readonly domain: Domain;
  /** Length of the dirty bitmap in bits, fixed when the migration began. */
  readonly nrGfns: number;
  /** 16 bytes; zeroes for a stream that holds standard records only. */
  readonly migrationId: Uint8Array;
  readonly writer: RecordWriter;
  readonly sender: PageSender;
  readonly limiter: RateLimiter;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Waits for the transport, but not for ever: rejects with a ChannelError after the stall time. */
  readonly patient: <T>(work: Promise<T>) => Promise<T>;
  readonly suspender: Suspender;
  /** Aborts the migration as long as it may still be aborted. */
  readonly signal: AbortSignal;
}

/** A bitmap over the domain with every bit of it set, or none. */
export function newBitmap(nrGfns: number, set: boolean): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(nrGfns / 8));
  if (!set) return bitmap;
  bitmap.fill(0xff);
  const tail = nrGfns % 8;
  if (tail > 0) bitmap[bitmap.length - 1] = (1 << tail) - 1;
  return bitmap;
}
