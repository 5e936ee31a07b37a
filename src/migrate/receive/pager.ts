/**
 * Stage 3 at the destination: faults become requests, pages that come are loaded, whoever brought them (TSMC §3). Two
 * connections, so that a page that a vCPU waits for never queues behind the push. If they break, the guest runs on with what it
 * has; the pager comes back, says what is still missing, and goes on.
 */
import { type Domain, MAX_BATCH, PAGE_SIZE, type PageFault } from '../../backends/backend.js';
import { MigrationError, reasonOf } from '../errors.js';
import { abortable } from '../io/abortable.js';
import { failureOf } from '../io/failure-of.js';
import { Silence } from '../io/silence.js';
import type { Line } from '../line.js';
import type { RecordedSet } from '../recorded-set.js';
import type { MigrationEvent } from '../report.js';
import { encodeStage3Note, type Stage3Note } from '../stage3-note.js';
import {
  decodeRecordedSet,
  encodeRequests,
  encodeTaken,
  isDisconnect,
  type PageBatch,
  pageBatches,
  type RecordReader,
  RecordType,
  StreamError,
} from '../stream/index.js';
import { LateLoader } from './late-loader.js';
import { MissingPages } from './missing-pages.js';
import { PageLoader } from './page-loader.js';
import type { PrepullPolicy, Window } from './prepull.js';
import { announce, dialPair, type PageSession, reconnect, type SessionOptions } from './session.js';
import { Waits } from './waits.js';

/** A source with pages to send that sends none for so long counts as lost: the pager connects anew. */
const STALL_MS = 5000;
/** How long after its last page a domain may still be found to have been destroyed. */
const GONE_MS = 3000;
/** Connections in a row that bring no page, before the pager gives up. */
const MOST_FRUITLESS = 10;
/** Pages asked for in one go before the guest runs: few enough that neither side fills the other's buffers. */
const MOST_REQUESTS = 64;

export interface PagerOptions extends SessionOptions {
  readonly domain: Domain;
  readonly vcpus: number;
  readonly prepull: PrepullPolicy;
  readonly emit: (event: EventBody) => void;
  /** Resolves when the domain has been destroyed. */
  readonly gone?: Promise<void>;
  readonly onRecordedSet?: (set: RecordedSet) => void;
}

/** How it stands. */
export interface Stage3Progress extends Stage3Note {
  readonly missing: number;
}

type EventBody = MigrationEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never;

export class Pager {
  private readonly missing: MissingPages;
  private readonly waits: Waits;
  private late: LateLoader | undefined;
  private session: PageSession | undefined;
  private whenComplete!: () => void;
  private readonly complete = new Promise<void>((resolve) => {
    this.whenComplete = resolve;
  });
  private isGone = false;
  private isClosed = false;
  private evictionMs = 0;
  private missingAtStart = 0;
  private faults = 0;
  /** The domain runs, or may: from then on the source pushes. */
  private isStarted = false;
  private runs = false;
  /** Batches of pages; what stands still when the connection is dead and nobody has noticed. */
  private arrivals = 0;
  private dropped = 0;
  private reconnects = 0;

  constructor(private readonly options: PagerOptions) {
    const { domain, nrGfns, clock, vcpus } = options;
    this.missing = new MissingPages(domain, nrGfns, clock);
    this.waits = new Waits(clock, vcpus);
    void this.options.gone?.then(() => this.forget());
  }

  /** Opens the paging ring, and dials the source: early, so that it costs no downtime. The domain is paused. */
  async enable(signal?: AbortSignal): Promise<void> {
    await this.options.domain.paging.enable((fault) => this.onFault(fault));
    this.session = await dialPair(this.options, signal);
  }

  /** Takes stale pages out ahead of the stop. */
  evict(stale: Uint8Array): Promise<void> {
    return this.missing.evict(stale);
  }

  /** Takes out the rest: from here on, what is missing is what the source says. */
  async evictLast(stale: Uint8Array): Promise<void> {
    const startedAt = this.options.clock.now();
    await this.missing.evict(stale);
    this.evictionMs = this.options.clock.now() - startedAt;
    const beyond = this.missing.countBeyond(stale);
    if (beyond > 0) throw new Error(`${beyond} pages were taken out ahead and are not to follow`);
  }

  /** A PAGE_DATA of the stream, after pages have been taken out. */
  load(reader: RecordReader, record: PageBatch): Promise<void> {
    this.late ??= new LateLoader(this.options.domain, this.missing);
    return this.late.load(reader, record);
  }

  /** Says what is missing, and fetches what the hypervisor would not take out. Afterwards a vCPU may run. */
  async prepare(): Promise<void> {
    const session = this.session as PageSession; // enable() has made it
    await announce(session, this.options.nrGfns, this.missing.wanted());
    this.missingAtStart = this.missing.count + this.missing.refusals;
    if (this.missing.refusals > 0) await this.fetchRefused(session.urgent);
  }

  /** The source is told that it may push. `runs`: the domain has been seen to. */
  started(runs: boolean): void {
    this.isStarted = true;
    this.runs = runs;
  }

  /**
   * Resolves when nothing is missing any more and the source knows it. The guest may begin to run meanwhile. Rejects with
   * POSTCOPY_BROKEN, whatever the cause: the domain runs here and misses pages.
   */
  async run(signal: AbortSignal = new AbortController().signal): Promise<Stage3Note> {
    if (this.missing.count === 0) this.whenComplete();
    try {
      await this.serveSessions(signal);
    } catch (error) {
      if (this.missing.count > 0) throw this.lostSource(error);
      // Only the goodbye was lost.
      await this.closeRing();
    } finally {
      this.drop();
    }
    return this.note();
  }

  private async serveSessions(signal: AbortSignal): Promise<void> {
    for (let fruitless = 0; ; ) {
      const before = this.arrivals;
      try {
        this.session ??= await this.comeBack(signal);
        return await this.serve(this.session, signal);
      } catch (error) {
        this.drop();
        fruitless = this.arrivals === before ? fruitless + 1 : 0;
        if (signal.aborted || fruitless > MOST_FRUITLESS || !isTransient(error)) throw error;
        this.options.emit({ type: 'channel', what: 'broken', reason: reasonOf(error) });
      }
    }
  }

  /** Lets the connections go; the source notices. */
  [Symbol.dispose](): void {
    this.drop();
  }

  private async serve({ push, urgent }: PageSession, signal: AbortSignal): Promise<void> {
    const pushed = this.readPages(push, true);
    const asked = this.readPages(urgent, false);
    this.request(urgent, this.waits.all());
    let idle = 0;
    using silence = new Silence(
      this.options.clock,
      STALL_MS,
      () => this.arrivals + this.missing.retries + (this.isStarted ? 0 : ++idle),
    );
    // The push may flow while the urgent line is dead: then a vCPU waits and waits.
    let noneWaits = 0;
    using waiting = new Silence(
      this.options.clock,
      STALL_MS,
      () => this.waits.ended + this.missing.retries + (this.waits.any ? 0 : ++noneWaits),
    );
    const failures = [failureOf(pushed), failureOf(asked), silence.broken, waiting.broken];
    await abortable(Promise.race([this.complete, ...failures]), signal);
    await this.closeRing();
    await push.writer.record(RecordType.DONE, encodeStage3Note(this.note()));
    await abortable(Promise.race([pushed, silence.broken]), signal); // ends with the source's DONE
  }

  /** Once; the goodbye may have to be said again, when the domain is gone already. */
  private async closeRing(): Promise<void> {
    if (this.isClosed) return;
    await this.options.domain.paging.disable();
    this.isClosed = true;
  }

  /** Reads pages until DONE comes (push), or until the connection ends. */
  private async readPages({ reader, writer }: Line, answers: boolean): Promise<void> {
    const staging = new Uint8Array(MAX_BATCH * PAGE_SIZE);
    for (;;) {
      const { type, offset } = await reader.next();
      if (type === RecordType.DONE) return void (await reader.readBody());
      if (type === RecordType.RECORDED_SET) {
        if (this.missing.count > 0) throw new StreamError('BAD_ORDER', 'RECORDED_SET before the last page', offset);
        this.options.onRecordedSet?.(decodeRecordedSet(await reader.readBody(), this.options.nrGfns));
        continue;
      }
      const begunAt = this.options.clock.now();
      const record = await reader.readPageHeader(this.options.nrGfns);
      if (record.dataPages !== record.gfns.length) {
        throw new StreamError('BAD_FIELD', 'A page of stage 3 came without its contents', reader.offset);
      }
      for (const { gfns } of pageBatches(record)) {
        const data = staging.subarray(0, gfns.length * PAGE_SIZE);
        await reader.readPages(data);
        this.arrivals++;
        await this.apply(gfns, data);
      }
      if (answers) await writer.record(RecordType.TAKEN, encodeTaken(this.options.clock.now() - begunAt));
    }
  }

  private async apply(gfns: Uint32Array, data: Uint8Array): Promise<void> {
    if (this.isGone) return;
    try {
      await this.missing.load(gfns, data);
    } catch (error) {
      // It has just been destroyed: whoever watches over it says so in a moment.
      if (!(await this.hasGone())) throw error;
    }
    for (const { gfn } of this.waits.all()) {
      if (!this.missing.has(gfn)) this.arrived(gfn);
    }
    if (this.missing.count === 0) this.whenComplete();
  }

  /** A domain that is destroyed gives all its pages away. */
  private forget(): void {
    this.isGone = true;
    this.dropped += this.missing.dropAll();
    this.whenComplete();
  }

  private async hasGone(): Promise<boolean> {
    const { gone, clock } = this.options;
    if (gone) await Promise.race([gone, clock.sleep(GONE_MS)]);
    return this.isGone;
  }

  private arrived(gfn: number): void {
    const latencyMs = this.waits.end(gfn);
    if (latencyMs !== undefined) this.options.emit({ type: 'loaded', gfn, latencyMs });
  }

  private onFault({ gfn, vcpu, kind }: PageFault): void {
    if (kind === 'dropped') {
      if (this.missing.drop(gfn)) this.dropped++;
      this.waits.end(gfn);
      if (this.missing.count === 0) this.whenComplete();
      return;
    }
    this.faults++;
    this.options.emit({ type: 'fault', gfn, vcpu });
    if (!this.missing.has(gfn)) return; // it came while the request was on its way
    if (!this.waits.begin(gfn, vcpu)) return;
    if (this.session) this.request(this.session.urgent, [{ gfn, vcpu }]);
  }

  /** At most one request a vCPU is on its way, so nothing queues without bound. */
  private request({ writer }: Line, waits: readonly Omit<PageFault, 'kind'>[]): void {
    if (waits.length === 0) return;
    const body = encodeRequests(waits.map(({ gfn, vcpu }) => ({ wanted: gfn, ...this.window(gfn, vcpu) })));
    writer.record(RecordType.REQUEST, body).catch(() => undefined); // whoever reads the line sees the break too
  }

  private window(gfn: number, vcpu: number): Window {
    const { first, count } = this.options.prepull.window(gfn, vcpu);
    const start = Math.max(0, first);
    const end = Math.min(this.options.nrGfns, first + count);
    return { first: Math.min(start, this.options.nrGfns), count: Math.max(0, end - start) };
  }

  /** Nothing else travels on the line yet, so what is asked for is what comes. */
  private async fetchRefused({ reader, writer }: Line): Promise<void> {
    const loader = new PageLoader(this.options.domain.memory);
    while (this.missing.refusals > 0) {
      const gfns = this.missing.refusedGfns().subarray(0, MOST_REQUESTS);
      const requests = Array.from(gfns, (wanted) => ({ wanted, first: wanted, count: 0 }));
      await writer.record(RecordType.REQUEST, encodeRequests(requests));
      for (let left = this.missing.refusals - gfns.length; this.missing.refusals > left; ) {
        await reader.expect(RecordType.PAGE_DATA);
        const record = await reader.readPageHeader(this.options.nrGfns);
        await loader.load(reader, record);
        this.missing.settle(record.gfns);
      }
    }
  }

  private async comeBack(signal: AbortSignal): Promise<PageSession> {
    const session = await reconnect(this.options, () => this.missing.wanted(), signal);
    this.reconnects++;
    this.options.emit({ type: 'channel', what: 'reconnected' });
    return session;
  }

  progress(): Stage3Progress {
    return { ...this.note(), missing: this.missing.count };
  }

  private note(): Stage3Note {
    return {
      runs: this.runs && !this.isGone,
      evictionMs: this.evictionMs,
      missingPages: this.missingAtStart,
      faults: this.faults,
      droppedPages: this.dropped,
      faultLatencyMs: this.waits.latencies.summary(),
      blockedMs: this.waits.blockedMs(),
      reconnects: this.reconnects,
    };
  }

  private drop(): void {
    this.session?.[Symbol.dispose]();
    this.session = undefined;
  }

  private lostSource(cause: unknown): MigrationError {
    const { domid } = this.options.domain;
    const text = `domain ${domid} runs here and misses ${this.missing.count} pages: ${reasonOf(cause)}`;
    return new MigrationError('POSTCOPY_BROKEN', text, {
      survivor: 'destination',
      domid,
      cause,
      remedy:
        'the pages cannot be fetched any more, and vCPUs that touch one wait for ever: destroy the domain at both hosts, and restore it from its last save',
    });
  }
}

/** Worth another connection: the link's failure, or a peer that went wrong on this one. */
function isTransient(error: unknown): boolean {
  return isDisconnect(error) || error instanceof StreamError;
}
