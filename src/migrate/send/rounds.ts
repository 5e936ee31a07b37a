/**
 * Stage 1: copying memory while the guest runs. Precopy makes rounds over what CLEAN reports (NSDI 2005 §3; Xen
 * tools/libs/guest/xg_sr_save.c send_memory_live); TSMC makes the first of them only. Within a round, pages that PEEK says
 * are dirty again are skipped, since the next CLEAN will bring them up anyway (Xen 4.1.4 tools/libxc/xc_domain_save.c).
 */
import { MAX_BATCH, PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import type { StopReason } from '../report.js';
import { batches } from './batches.js';
import { newBitmap, type SendContext } from './context.js';
import type { PageSender } from './page-sender.js';
import type { Policy } from './policy.js';

/** PEEK stops the guest and copies the whole bitmap; after every batch that would be much for a large domain. Bytes of bitmap a batch. */
const PEEK_BYTES_PER_BATCH = 64 << 10;
/** In pages. */
const FIRST_BATCH = 64;
/**
 * A capped link gets batches that occupy it for no longer than this, so that the rate is smooth; shorter ones would cost a busy dom0 more
 * than their pages do (types, mapping, PEEK).
 */
export const BATCH_MS = 200;

export interface Stage1Result {
  readonly reason: StopReason;
  /** Pages that no CLEAN will report any more and that have still to travel: deferred, or cleaned and not sent. */
  readonly owed: Uint8Array;
}

/** Copies until the policy says stop. Log-dirty is on. */
export async function copyLive(context: SendContext, policy: Policy): Promise<Stage1Result> {
  const { domain, nrGfns, recorder } = context;
  const toSend = newBitmap(nrGfns, true);
  const owed = newBitmap(nrGfns, false);
  // The destination is empty: where there is no page it need not be told.
  let dirtyPages = await domain.memory.dropHoles(toSend, nrGfns);
  const situation = { nrGfns, rounds: recorder.rounds };

  for (let faultCount = 0; ; ) {
    const before = policy({
      ...situation,
      pagesSent: recorder.pagesSent,
      dirtyPages,
      predictedDowntimeMs: predictDowntime(context, dirtyPages),
    });
    if (before.kind === 'stop') {
      pageOps.bitmapOr(owed, toSend);
      return { reason: before.reason, owed };
    }
    if (dirtyPages > 0 || recorder.rounds.length === 0) await sendRound(context, toSend, dirtyPages, faultCount, owed);
    if (before.kind === 'send-then-stop') return { reason: before.reason, owed };
    const after = policy({ ...situation, pagesSent: recorder.pagesSent });
    if (after.kind !== 'continue') return { reason: after.reason, owed };

    ({ faultCount } = await domain.logDirty.clean(nrGfns, toSend));
    dirtyPages = pageOps.bitmapCount(toSend, nrGfns);
  }
}

/** Time to send so many pages at the rate seen so far. */
export function predictDowntime({ recorder }: SendContext, dirtyPages: number): number {
  return ((dirtyPages * PAGE_SIZE) / recorder.rate()) * 1000;
}

async function sendRound(
  context: SendContext,
  toSend: Uint8Array,
  dirtyPages: number,
  faultCount: number,
  owed: Uint8Array,
): Promise<void> {
  const { nrGfns, recorder, sender, clock, limiter, signal } = context;
  const startedAt = clock.now();
  const bytesBefore = recorder.bytesSent;
  const dirtyAgain = newBitmap(nrGfns, false);
  const skipEvery = Math.ceil(toSend.length / PEEK_BYTES_PER_BATCH);
  const skip = (): Promise<void> => skipDirtyAgain(context, toSend, dirtyAgain);
  const ramp = slowStart(sender);
  const total = { batches: 0, sent: 0, elided: 0, deferred: 0 };

  recorder.lacking(toSend, nrGfns);
  // Log-dirty has been on for a while before the first round; the others begin with a CLEAN.
  if (recorder.rounds.length === 0) await skip();
  for (const gfns of batches(toSend, nrGfns, () => limiter.batchPages(BATCH_MS, ramp()))) {
    signal.throwIfAborted();
    const batch = await sender.send(gfns, 'round', signal);
    if (batch.deferred.length > 0) pageOps.bitmapSet(owed, batch.deferred);
    total.sent += batch.sent;
    total.elided += batch.elided;
    total.deferred += batch.deferred.length;
    if (++total.batches % skipEvery === 0) await skip();
    // This round's pages, sent or not, and those that wait for the next.
    const known = (): number => pageOps.bitmapCount(toSend, nrGfns) + pageOps.bitmapCount(dirtyAgain, nrGfns);
    recorder.progress(() => known() - total.sent - total.elided - total.deferred);
  }
  await sender.flush();
  recorder.round({
    round: recorder.rounds.length,
    ms: clock.now() - startedAt,
    dirtyPages,
    pagesSent: total.sent,
    elidedPages: total.elided,
    skippedPages: dirtyPages - total.sent - total.elided - total.deferred,
    deferredPages: total.deferred,
    bytesSent: recorder.bytesSent - bytesBefore,
    faultCount,
    final: false,
  });
}

/**
 * Batches that grow to as much as the link takes in a second: on a slow one, one of 4 MiB would look like a link on which
 * nothing moves.
 */
function slowStart(sender: PageSender): () => number {
  return () => {
    const most = Math.min(MAX_BATCH, FIRST_BATCH * 2 ** sender.batchesTaken);
    return Math.max(1, Math.min(most, Math.floor(sender.pagesTakenPerSecond())));
  };
}

/** Takes pages that are dirty again out of the round: the next CLEAN brings them up anyway. */
async function skipDirtyAgain(
  { domain, nrGfns }: SendContext,
  toSend: Uint8Array,
  dirtyAgain: Uint8Array,
): Promise<void> {
  await domain.logDirty.peek(nrGfns, dirtyAgain);
  pageOps.bitmapAndNot(toSend, dirtyAgain);
}
