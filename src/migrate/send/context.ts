import { randomBytes } from 'node:crypto';
import type { Domain, DomainInfo } from '../../backends/backend.js';
import { type Clock, systemClock } from '../io/clock.js';
import { RateLimiter } from '../io/limiter.js';
import { Patience } from '../io/patience.js';
import type { SendOptions, Suspender } from '../options.js';
import type { RecordedSet } from '../recorded-set.js';
import { Recorder } from '../recorder.js';
import { RecordWriter } from '../stream/index.js';
import { checkBandwidth } from './bandwidth.js';
import { Handover } from './handover.js';
import { PageSender } from './page-sender.js';

export const RECONNECT_MS = 60_000;
const STALL_MS = 30_000;

/** What the stages at the source share. */
export interface SendContext {
  readonly domain: Domain;
  /** As of the beginning. */
  readonly info: DomainInfo;
  /** Length of the dirty bitmap in bits, fixed when the migration began. */
  readonly nrGfns: number;
  /** 16 bytes; zeroes for a stream that holds standard records only. */
  readonly migrationId: Uint8Array;
  readonly writer: RecordWriter;
  readonly sender: PageSender;
  readonly limiter: RateLimiter;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** With the transport: rejects with a ChannelError after the stall time. */
  readonly patience: Patience;
  readonly suspender: Suspender;
  readonly recordedSet: RecordedSet;
  /** Aborts the migration as long as it may still be aborted. */
  readonly signal: AbortSignal;
}

/** Looks at the domain, and touches nothing yet. @throws RangeError */
export async function prepare(options: SendOptions): Promise<[SendContext, Handover | undefined]> {
  checkBandwidth(options);
  const { domain, stream, clock = systemClock, strategy, bandwidth, stallMs = STALL_MS } = options;
  const info = await domain.info();
  // A balloon may give back gfns that have never been populated, up to as many as the domain may have.
  const nrGfns = Math.max(info.nrGfns, info.maxPages);
  // A plain stream has no place for an id.
  const migrationId = strategy === 'precopy' ? new Uint8Array(16) : (options.returnAddress?.id ?? randomBytes(16));
  const handover = newHandover(options, migrationId);
  const recorder = new Recorder(clock, strategy === 'tsmc' ? 'tsmc' : 'precopy', nrGfns, options.onEvent, bandwidth);
  const limiter = new RateLimiter(clock, bandwidth);
  const writer = new RecordWriter(stream);
  const patience = new Patience(clock, stallMs, `nothing was taken for ${stallMs} ms`);
  const sender = new PageSender({
    ...{ memory: domain.memory, writer, recorder, nrGfns, patience },
    elideZeroPages: options.elideZeroPages ?? true,
    pace: (bytes, signal) => limiter.take(bytes, signal),
  });
  // The caller and a destination that gives up both stop the stages before the handover.
  const signal = AbortSignal.any([options.signal, handover?.signal].filter((one) => one !== undefined));
  const suspender = options.suspender ?? domain;
  const recordedSet = (options.recordedSet ?? []).filter(({ first, count }) => first + count <= nrGfns);
  const tools = { writer, sender, limiter, recorder, clock, patience };
  return [{ domain, info, nrGfns, migrationId, ...tools, suspender, recordedSet, signal }, handover];
}

function newHandover(options: SendOptions, migrationId: Uint8Array): Handover | undefined {
  const { domain, returns, clock = systemClock, reconnectMs = RECONNECT_MS, stallMs = STALL_MS } = options;
  return returns && new Handover({ returns, clock, reconnectMs, stallMs, domid: domain.domid, migrationId });
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
