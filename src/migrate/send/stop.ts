/**
 * The stop: the guest has been suspended and the last of its state leaves. Precopy sends the remaining pages; TSMC sends which they
 * are, and only those pages that a vCPU cannot start without.
 */
import { MAX_BATCH, PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { MOST_PAGES_OF_A_RUN } from '../recorded-set.js';
import type { PageReason } from '../recorder.js';
import { encodeBitmap, RecordType } from '../stream/index.js';
import { batches } from './batches.js';
import { newBitmap, type SendContext } from './context.js';
import { BATCH_MS } from './rounds.js';

/** How long the pages that the guest is going to need at once may take in the stop, and how many are sent in any case. */
const AT_ONCE_MS = 100;
const LEAST_AT_ONCE = 512;

export interface Stopped {
  /** Every page that the destination does not have in its last version. */
  readonly dirty: Uint8Array;
  /** Those that the guest has written since the last CLEAN before the stop: to resume, it is going to need them again. */
  readonly touched: Uint8Array;
}

/** The guest is suspended. */
export async function collectDirty(context: SendContext, owed: Uint8Array): Promise<Stopped> {
  const { domain, nrGfns, recorder } = context;
  const dirty = newBitmap(nrGfns, false);
  await timed(context, 'clean', () => domain.logDirty.clean(nrGfns, dirty, true));
  const touched = dirty.slice();
  pageOps.bitmapOr(dirty, owed);
  await timed(context, 'clean', () => addStrays(context, dirty));
  recorder.lacking(dirty, nrGfns);
  return { dirty, touched };
}

/**
 * Pages that came or went without being written: a balloon's doing, which log-dirty need not show (Xen 4.17 does not mark a
 * populated gfn dirty). Looked for only where the number of pages says that there are any, and outside the known ones only where it
 * says so still.
 */
async function addStrays({ domain, nrGfns, sender }: SendContext, dirty: Uint8Array): Promise<void> {
  const { memory } = domain;
  const info = await domain.info();
  if (info.nrGfns > nrGfns) throw new Error(`the domain has grown from ${nrGfns} to ${info.nrGfns} gfns meanwhile`);
  const known = sender.present.slice();
  pageOps.bitmapOr(known, dirty);
  if (pageOps.bitmapCount(known, nrGfns) === info.populatedPages) return;
  const here = known.slice();
  const found = await memory.dropHoles(here, nrGfns);
  if (found < info.populatedPages) {
    const came = newBitmap(nrGfns, true);
    pageOps.bitmapAndNot(came, known);
    await memory.dropHoles(came, nrGfns);
    pageOps.bitmapOr(dirty, came);
  }
  const went = sender.present.slice();
  pageOps.bitmapAndNot(went, here);
  pageOps.bitmapOr(dirty, went);
}

/** Precopy's stop-and-copy: all that is left, as the last round. */
export async function sendRemaining(context: SendContext, dirty: Uint8Array): Promise<void> {
  const { clock, recorder, nrGfns } = context;
  const startedAt = clock.now();
  const bytesBefore = recorder.bytesSent;
  const { sent, elided } = await timed(context, 'pages', () => sendAll(context, dirty, 'final'));
  recorder.round({
    round: recorder.rounds.length,
    ms: clock.now() - startedAt,
    dirtyPages: pageOps.bitmapCount(dirty, nrGfns),
    pagesSent: sent,
    elidedPages: elided,
    skippedPages: 0,
    deferredPages: 0,
    bytesSent: recorder.bytesSent - bytesBefore,
    faultCount: 0,
    final: true,
  });
}

/**
 * TSMC's stage 2. Sends what must be there before a vCPU runs, what it would wait for at once, and what costs 8 bytes anyway; then the
 * bitmap of the rest. Takes the pages sent out of `dirty`: what stays in it is missing at the destination.
 */
export async function sendDirtyBitmap(context: SendContext, { dirty, touched }: Stopped): Promise<void> {
  const { domain, nrGfns, writer } = context;
  await timed(context, 'pages', async () => {
    const vital = newBitmap(nrGfns, false);
    pageOps.bitmapSet(vital, await domain.memory.vital());
    const left = mostAtOnce(context);
    addRecorded(context, dirty, vital, context.suspender.byGuest ? addTouched(context, touched, vital, left) : left);
    await addDataless(context, dirty, vital);
    pageOps.bitmapAnd(vital, dirty);
    pageOps.bitmapAndNot(dirty, vital);
    await sendAll(context, vital, 'vital', pageOps.bitmapCount(dirty, nrGfns));
  });
  await timed(context, 'state', async () => {
    await context.patience.for(writer.record(RecordType.DIRTY_BITMAP, encodeBitmap(nrGfns, dirty)));
    context.recorder.bytesSent += dirty.length + 16;
  });
}

/** A page that comes by a fault costs a round trip; sent now, only its time on the link. So many as take a moment there. */
function mostAtOnce({ recorder }: SendContext): number {
  return Math.max(LEAST_AT_ONCE, Math.floor(((recorder.rate() / 1000) * AT_ONCE_MS) / PAGE_SIZE));
}

/** All of them or none. Returns for how many more there is time. */
function addTouched({ nrGfns }: SendContext, touched: Uint8Array, target: Uint8Array, most: number): number {
  const count = pageOps.bitmapCount(touched, nrGfns);
  if (count > most) return most;
  pageOps.bitmapOr(target, touched);
  return most - count;
}

/** What the guest needed first when it last had to do without, as far as it is dirty. The push begins with the rest. */
function addRecorded({ recordedSet }: SendContext, dirty: Uint8Array, target: Uint8Array, most: number): void {
  const found = new Uint32Array(MOST_PAGES_OF_A_RUN);
  let left = most;
  for (const { first, count } of recordedSet) {
    if (left === 0) return;
    const out = found.subarray(0, Math.min(count, left));
    left -= pageOps.bitmapSet(target, out.subarray(0, pageOps.bitmapToGfns(dirty, first + count, first, out)));
  }
}

/** Adds dirty gfns that are holes by now: they have no contents to wait for. */
async function addDataless({ domain, nrGfns }: SendContext, dirty: Uint8Array, target: Uint8Array): Promise<void> {
  const here = dirty.slice();
  await domain.memory.dropHoles(here, nrGfns);
  const holes = dirty.slice();
  pageOps.bitmapAndNot(holes, here);
  pageOps.bitmapOr(target, holes);
}

async function sendAll(
  { nrGfns, sender, recorder, limiter, signal }: SendContext,
  bitmap: Uint8Array,
  why: PageReason,
  later = 0,
): Promise<{ sent: number; elided: number }> {
  const total = { sent: 0, elided: 0 };
  const all = pageOps.bitmapCount(bitmap, nrGfns);
  for (const gfns of batches(bitmap, nrGfns, () => limiter.batchPages(BATCH_MS, MAX_BATCH))) {
    signal.throwIfAborted();
    const { sent, elided, deferred } = await sender.send(gfns, why, signal);
    if (deferred.length > 0) {
      throw new Error(
        `${deferred.length} pages of the stopped domain cannot be mapped, the first is gfn 0x${deferred[0].toString(16)}`,
      );
    }
    total.sent += sent;
    total.elided += elided;
    recorder.progress(() => all + later - total.sent - total.elided);
  }
  await sender.flush();
  return total;
}

/** Runs a part of the downtime and books its time. */
export async function timed<T>({ clock, recorder }: SendContext, part: string, work: () => Promise<T>): Promise<T> {
  const startedAt = clock.now();
  try {
    return await work();
  } finally {
    recorder.part(part, clock.now() - startedAt);
  }
}
