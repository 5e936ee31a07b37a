/** The source's side of a migration, stage by stage. */
import { BackendError, type HeldPages, PAGE_SIZE } from '../../backends/backend.js';
import { pageOps } from '../../native/index.js';
import { type MigrationError, reasonOf } from '../errors.js';
import type { Acceptor } from '../io/channel.js';
import type { SendOptions } from '../options.js';
import type { MigrationReport, StopReason } from '../report.js';
import { decodeStage3Note } from '../stage3-note.js';
import { encodeBitmap, encodeCapabilities, Feature, RecordType, TOKEN_SIZE } from '../stream/index.js';
import { newBitmap, prepare, RECONNECT_MS, type SendContext } from './context.js';
import { afterHandover, beforeHandover, isBroken, neverRan, noWayBack, resumeFailed } from './failure.js';
import type { Handover } from './handover.js';
import { PageServer } from './page-server.js';
import { autoPolicy, type Policy, precopyPolicy, singlePass, wantsPostcopy } from './policy.js';
import { copyLive, predictDowntime } from './rounds.js';
import { sendState, sendStatic } from './state.js';
import { collectDirty, type Stopped, sendDirtyBitmap, sendRemaining, timed } from './stop.js';

/**
 * Migrates a domain out of this host, or saves it to a file (no `returns`: then nobody is handed the domain, and it stays
 * suspended for the caller to resume or destroy).
 *
 * Resolves when the destination has everything; the domain here is then suspended and can be destroyed. Rejects with a
 * {@link MigrationError}, whose `survivor` says where the domain is.
 */
export async function sendDomain(options: SendOptions): Promise<MigrationReport> {
  const [context, handover] = await prepare(options);
  using _patience = context.patience;
  return await new OutgoingMigration(options, context, handover).run();
}

class OutgoingMigration {
  /** Ends what works in the background. */
  private readonly over = new AbortController();
  private logDirty = false;
  private suspended = false;
  /** Set before GO is said. From then on only the destination's word brings the domain back. */
  private handedOver = false;
  private endSent = false;
  private pageServer: Promise<Uint8Array> | undefined;
  private held: HeldPages | undefined;

  constructor(
    private readonly options: SendOptions,
    private readonly context: SendContext,
    private readonly handover: Handover | undefined,
  ) {}

  async run(): Promise<MigrationReport> {
    const { recorder } = this.context;
    try {
      await this.send();
    } catch (error) {
      throw await this.fail(error);
    } finally {
      this.over.abort();
      await this.pageServer?.catch(() => undefined);
      this.held?.[Symbol.dispose]();
      await this.stopLogging();
    }
    this.handover?.[Symbol.dispose]();
    if (recorder.state !== 'completed') recorder.to('completed');
    recorder.progress(() => 0, true);
    return recorder.report();
  }

  private async send(): Promise<void> {
    const { context } = this;
    context.signal.throwIfAborted();
    await this.begin();
    context.recorder.to('stage1');
    const { reason, owed } = await copyLive(context, this.policy());
    context.recorder.stopReason = reason;
    const stale = await this.stalePages(owed);
    const postcopy = await this.choose(reason, stale);
    if (postcopy) await this.evictAhead(stale);
    await this.handover?.sync(context.writer.bytesWritten, context.signal);
    context.signal.throwIfAborted();

    context.recorder.predictedDowntimeMs = this.predict(stale, postcopy);
    // What is dirty behind this, the guest has touched to suspend itself, and will touch again to resume.
    const isFollowed = postcopy && context.suspender.byGuest === true;
    if (isFollowed) await context.domain.logDirty.clean(context.nrGfns, stale);
    context.recorder.to('stopped');
    const stoppedAt = context.clock.now();
    await timed(context, 'suspend', () => context.suspender.suspend());
    this.suspended = true;
    if (isFollowed) pageOps.bitmapOr(owed, stale);
    const stopped = await collectDirty(context, owed);
    const server = await this.sendLast(stopped, postcopy);
    if (!this.handover) return;
    await this.handOver();
    context.recorder.downtimeMs = context.clock.now() - stoppedAt;
    if (server) await this.serve(server);
  }

  private policy(): Policy {
    const { strategy, policy = 'xen', downtimeBudgetMs } = this.options;
    if (strategy === 'tsmc') return singlePass;
    return strategy === 'auto' ? autoPolicy(policy, downtimeBudgetMs) : precopyPolicy(policy, downtimeBudgetMs);
  }

  private async begin(): Promise<void> {
    const { context, handover } = this;
    const { writer, domain, info, patience } = context;
    const plain = this.options.strategy === 'precopy';
    if (!plain && !handover) throw noWayBack(domain.domid);
    await patience.for(writer.header(info.guestType, domain.state.version));
    if (!plain) await patience.for(writer.record(RecordType.CAPABILITIES, this.capabilities()));
    // A domain that cannot do without pages is refused before anything of it is copied.
    if (this.options.strategy === 'tsmc') await domain.memory.vital();
    await sendStatic(context);
    await handover?.open(context.signal);
    await this.enableLogDirty();
  }

  private capabilities(): Uint8Array {
    const { info, nrGfns, migrationId } = this.context;
    const { maxPages, vcpus } = info;
    const { token = new Uint8Array(TOKEN_SIZE), address = '' } = this.options.returnAddress ?? {};
    const features = Feature.STAGE3 | Feature.EVICT_AHEAD;
    return encodeCapabilities({ features, nrGfns, maxPages, vcpus, migrationId, token, address });
  }

  /** As libxc does it: a mode that somebody left on is turned off and taken over. */
  private async enableLogDirty(): Promise<void> {
    const { logDirty } = this.context.domain;
    try {
      await logDirty.enable();
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== 'INVALID_STATE') throw error;
      await logDirty.disable();
      await logDirty.enable();
      this.context.recorder.emit({ type: 'log-dirty', what: 'taken-over' });
    }
    this.logDirty = true;
  }

  /** What the destination does not have in its last version, as of now. */
  private async stalePages(owed: Uint8Array): Promise<Uint8Array> {
    const { domain, nrGfns } = this.context;
    const stale = newBitmap(nrGfns, false);
    await domain.logDirty.peek(nrGfns, stale);
    pageOps.bitmapOr(stale, owed);
    return stale;
  }

  /** Whether stage 1 is followed by post-copy. */
  private async choose(reason: StopReason, stale: Uint8Array): Promise<boolean> {
    const { strategy, downtimeBudgetMs } = this.options;
    if (strategy !== 'auto') return strategy === 'tsmc';
    const { nrGfns, recorder } = this.context;
    const stopAndCopyMs = predictDowntime(this.context, pageOps.bitmapCount(stale, nrGfns));
    const wanted = wantsPostcopy(reason, stopAndCopyMs, downtimeBudgetMs);
    const hindrance = wanted ? await this.hindrance() : undefined;
    const postcopy = wanted && hindrance === undefined;
    recorder.choose(postcopy ? 'tsmc' : 'precopy', hindrance ?? reason);
    return postcopy;
  }

  /** Why the domain, as it is just now, cannot do without pages. */
  private async hindrance(): Promise<string | undefined> {
    try {
      await this.context.domain.memory.vital();
      return undefined;
    } catch (error) {
      if (error instanceof BackendError && error.code === 'NOT_SUPPORTED') return error.message;
      throw error;
    }
  }

  /** Post-copy sends a bit for each page. */
  private predict(stale: Uint8Array, postcopy: boolean): number {
    const { nrGfns } = this.context;
    const pages = postcopy ? stale.length / PAGE_SIZE : pageOps.bitmapCount(stale, nrGfns);
    return predictDowntime(this.context, pages);
  }

  /** While the guest still runs, the destination takes out what is stale already; the downtime has only the difference. */
  private async evictAhead(stale: Uint8Array): Promise<void> {
    const { domain, nrGfns, writer, patience } = this.context;
    pageOps.bitmapClear(stale, await domain.memory.vital());
    await patience.for(writer.record(RecordType.EVICT_AHEAD, encodeBitmap(nrGfns, stale)));
  }

  private async sendLast(stopped: Stopped, postcopy: boolean): Promise<PageServer | undefined> {
    const { context } = this;
    const { dirty } = stopped;
    if (!postcopy) await sendRemaining(context, dirty);
    else await sendDirtyBitmap(context, stopped);
    await timed(context, 'state', () => sendState(context));
    if (postcopy) await context.patience.for(context.writer.record(RecordType.STAGE3));
    this.endSent = true; // before it is: a write that fails may still have arrived
    await context.patience.for(context.writer.end());
    await this.sent(postcopy);
    // While the destination restores what it has got.
    return postcopy ? await this.startServer(dirty) : undefined;
  }

  /** Whoever goes on from here may have somebody else turn log-dirty on, so it is off by then. */
  private async sent(postcopy: boolean): Promise<void> {
    if (!this.options.onSent) return;
    await this.stopLogging();
    const { recorder } = this.context;
    if (!postcopy && !this.handover) recorder.to('completed');
    await this.options.onSent(recorder.report());
  }

  private async stopLogging(): Promise<void> {
    if (!this.logDirty) return;
    this.logDirty = false;
    await this.context.domain.logDirty.disable().catch(() => undefined);
  }

  /** Before the handover it answers requests only, for pages that the destination cannot do without. */
  private async startServer(unsent: Uint8Array): Promise<PageServer> {
    const { domain, nrGfns, limiter, recorder, clock, migrationId, patience, recordedSet } = this.context;
    const {
      reconnectMs: usual = RECONNECT_MS,
      stage3ReconnectMs: reconnectMs = usual,
      postcopyBandwidth,
    } = this.options;
    if (postcopyBandwidth !== undefined) limiter.setRate(postcopyBandwidth);
    const { memory, domid } = domain;
    // While there is a domain: a toolstack may destroy it as soon as the destination has it.
    const pages = await timed(this.context, 'hold', () => memory.hold(unsent, nrGfns));
    this.held = pages;
    const wanted = pageOps.bitmapCount(unsent, nrGfns);
    // Before the point of no return: the destination counts on every one of them.
    if (pages.count !== wanted)
      throw new Error(`${wanted - pages.count} of ${wanted} pages of the domain cannot be held`);
    const returns = this.options.returns as Acceptor;
    const tools = { limiter, recorder, clock, patience, reconnectMs, recordedSet };
    const server = new PageServer({ pages, domid, nrGfns, unsent, migrationId, returns, ...tools });
    this.pageServer = server.serve(this.over.signal);
    this.pageServer.catch(() => undefined); // looked at when its result is wanted
    return server;
  }

  private async handOver(): Promise<void> {
    const { context, handover } = this;
    const line = handover as Handover;
    await timed(context, 'restore', () => line.untilReady(context.signal));
    context.signal.throwIfAborted();
    context.recorder.to('handover');
    this.handedOver = true;
    await timed(context, 'unpause', () => line.go());
  }

  private async serve(server: PageServer): Promise<void> {
    const { recorder, clock } = this.context;
    recorder.to('stage3');
    const startedAt = clock.now();
    server.startPush();
    const note = await (this.pageServer as Promise<Uint8Array>);
    recorder.stage3 = { ...decodeStage3Note(note), ms: clock.now() - startedAt, ...recorder.stage3Pages() };
    recorder.splitPart('restore', 'eviction', recorder.stage3.evictionMs);
  }

  /** Undoes what can be undone, and says where the domain is. */
  private async fail(error: unknown): Promise<MigrationError> {
    const { recorder } = this.context;
    const aborted = this.options.signal?.aborted === true && !this.handedOver;
    this.options.stream.destroy();
    await this.context.sender.settle();
    if (this.handedOver && !neverRan(error)) {
      recorder.to('failed');
      this.handover?.[Symbol.dispose]();
      return afterHandover(error, this.context.domain.domid);
    }
    // A connection that broke has a reason that the other end may know better.
    const cause = !aborted && isBroken(error) ? ((await this.handover?.reasonForLoss()) ?? error) : error;
    const failure = await this.resumeHere(cause, aborted);
    recorder.to(aborted ? 'cancelled' : 'failed');
    return failure;
  }

  private async resumeHere(cause: unknown, cancelled: boolean): Promise<MigrationError> {
    const { domid } = this.context.domain;
    const reason = cancelled ? 'cancelled' : reasonOf(cause);
    // Only a destination that has the whole stream can be READY, and come back to ask.
    if (!this.endSent) this.handover?.[Symbol.dispose]();
    const settled = this.endSent ? this.handover?.refuse(reason) : undefined;
    try {
      if (this.suspended) await this.context.suspender.resume();
    } catch (error) {
      return resumeFailed(domid, reason, error, settled);
    }
    return beforeHandover(cancelled, cause, domid, settled);
  }
}
