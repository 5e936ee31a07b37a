/** The destination's side of a migration: a stream becomes a domain. */
import type { Domain } from '../../backends/backend.js';
import { MigrationError, reasonOf } from '../errors.js';
import type { Dialer } from '../io/channel.js';
import { type Clock, systemClock } from '../io/clock.js';
import { withPatience } from '../io/patience.js';
import { guarded } from '../listener.js';
import type { ReceiveOptions } from '../options.js';
import type { MigrationEvent } from '../report.js';
import type { Stage3Note } from '../stage3-note.js';
import {
  type StreamCapabilities as Capabilities,
  checkOrigin,
  decodeBitmap,
  decodeCapabilities,
  MAX_GFNS,
  type RecordHeader,
  RecordReader,
  RecordType,
  type StreamHeader,
} from '../stream/index.js';
import { PageLoader } from './page-loader.js';
import { Pager, type Stage3Progress } from './pager.js';
import { adaptiveWindow, fixedWindow } from './prepull.js';
import { StreamWatch } from './stream-watch.js';
import { Verdict } from './verdict.js';

const RECONNECT_MS = 60_000;
const STALL_MS = 120_000;
/** A stream without CAPABILITIES has no id. */
const NO_ID = new Uint8Array(16);

export interface Received {
  /** Runs, unless it was to stay paused; pages may be missing until stage3 resolves. */
  readonly domain: Domain;
  /** Resolves when the last page is here; at once after precopy. Rejects with POSTCOPY_BROKEN. */
  readonly stage3: Promise<Stage3Note | undefined>;
  /** How stage 3 stands; undefined after precopy. */
  readonly progress: () => Stage3Progress | undefined;
}

/**
 * Restores a stream into a new domain. With a `dialer` the domain runs only once the source has said so.
 *
 * Rejects with a {@link MigrationError}; then nothing of the domain is left here, except for HANDOVER_UNKNOWN, where it
 * is kept, paused and whole, and for a `shell` of the caller's, which is left to the caller.
 */
export function receiveDomain(options: ReceiveOptions): Promise<Received> {
  return new IncomingMigration(options).run();
}

/** What exists once the stream has begun in earnest. */
interface Parts {
  readonly domain: Domain;
  readonly loader: PageLoader;
}

class IncomingMigration {
  private readonly clock: Clock;
  private readonly startedAt: number;
  private readonly reader: RecordReader;
  private readonly stallMs: number;
  private readonly onEvent: ReceiveOptions['onEvent'];
  private parts: Parts | undefined;
  private staticDone = false;
  private runs = false;
  private pager: Pager | undefined;
  private verdict: Verdict | undefined;
  private capabilities: Capabilities | undefined;

  constructor(private readonly options: ReceiveOptions) {
    this.clock = options.clock ?? systemClock;
    this.stallMs = options.stallMs ?? STALL_MS;
    this.onEvent = guarded(options.onEvent);
    this.startedAt = this.clock.now();
    const maxGfns = Math.min(MAX_GFNS, options.backend.capabilities.maxPages);
    this.reader = new RecordReader(options.stream, { maxGfns });
  }

  async run(): Promise<Received> {
    let domain: Domain;
    let pages: Promise<Stage3Note> | undefined;
    using watch = this.watch();
    try {
      domain = await this.restoreWatched(watch);
      if (this.pager) await withPatience(this.clock, this.stallMs, 'the source sends no pages', this.pager.prepare());
      await this.verdict?.await();
      // Before it runs: its first fault does not wait for whoever starts it to say so.
      pages = this.pager?.run(this.options.signal);
      pages?.catch(() => undefined); // looked at below
      this.runs = await this.start(domain);
    } catch (error) {
      throw await this.fail(error);
    }
    return { domain, stage3: this.finish(pages), progress: this.progress };
  }

  private readonly progress = (): Stage3Progress | undefined => this.pager?.progress();

  private async start(domain: Domain): Promise<boolean> {
    const { paused, start } = this.options;
    if (start) return start(domain, this.progress);
    if (!paused) await domain.unpause();
    return !paused;
  }

  /** Restores as long as something comes and nobody calls it off; what it works on is at rest when this settles. */
  private async restoreWatched(watch: StreamWatch): Promise<Domain> {
    try {
      return await this.restore();
    } finally {
      watch.lookAway();
    }
  }

  private watch(): StreamWatch {
    const { clock, stallMs, options } = this;
    const { stream, signal } = options;
    return new StreamWatch({ stream, clock, stallMs, offset: () => this.reader.offset, signal });
  }

  private async restore(): Promise<Domain> {
    const header = await this.reader.readHeader();
    for (;;) {
      this.options.signal?.throwIfAborted();
      const record = await this.reader.next();
      if (record.type === RecordType.CAPABILITIES) {
        this.capabilities = decodeCapabilities(await this.reader.readBody(), record.offset);
        continue;
      }
      const parts = this.parts ?? (await this.begin(header));
      if (record.type === RecordType.END) {
        await this.reader.readBody();
        await parts.domain.state.finish();
        return parts.domain;
      }
      await this.take(record, parts);
      await this.verdict?.takenIn(this.reader.offset);
    }
  }

  /** The line to the source comes first, so that it hears why there is no room here for its domain. */
  private async begin(header: StreamHeader): Promise<Parts> {
    const { guestType } = header;
    const { backend, shell, name, maxPages, vcpus } = this.options;
    await this.openVerdict();
    const domain = await (shell?.(guestType) ?? backend.createShell({ name, guestType, maxPages, vcpus }));
    this.parts = { domain, loader: new PageLoader(domain.memory) };
    checkOrigin(header, domain.state.version);
    return this.parts;
  }

  private async take(record: RecordHeader, { domain, loader }: Parts): Promise<void> {
    switch (record.type) {
      case RecordType.PAGE_DATA:
        await this.finishStatic(domain);
        return (this.pager ?? loader).load(this.reader, await this.reader.readPageHeader(this.capabilities?.nrGfns));
      case RecordType.X86_PV_P2M_FRAMES:
        await this.finishStatic(domain);
        return this.restoreState(record, domain);
      case RecordType.STATIC_DATA_END:
        await this.reader.readBody();
        return this.finishStatic(domain);
      case RecordType.STAGE3:
        return void (await this.reader.readBody());
      case RecordType.EVICT_AHEAD:
      case RecordType.DIRTY_BITMAP:
        return this.evict(record, domain);
      default:
        return this.restoreState(record, domain);
    }
  }

  /** A stream of version 2 does not say where its static data ends: before what needs it, as libxc infers it too. */
  private async finishStatic(domain: Domain): Promise<void> {
    if (this.staticDone) return;
    this.staticDone = true;
    await domain.state.finishStatic();
  }

  private async restoreState({ type }: RecordHeader, domain: Domain): Promise<void> {
    const body = await this.reader.readBody();
    if (await domain.state.restore({ type, body })) return;
    throw new Error(`this host does not know what to do with a state record of type ${type}`);
  }

  private async openVerdict(): Promise<void> {
    const { reconnectMs = RECONNECT_MS, signal } = this.options;
    const dialer = this.dialer();
    if (!dialer) {
      if (this.capabilities) throw noDialer();
      return;
    }
    const migrationId = this.capabilities?.migrationId ?? NO_ID;
    this.verdict = new Verdict({ dialer, clock: this.clock, reconnectMs, migrationId });
    await this.verdict.open(signal);
  }

  private dialer(): Dialer | undefined {
    const { dialer } = this.options;
    if (typeof dialer !== 'function') return dialer;
    // A plain stream needs none, and says of none.
    const { capabilities } = this;
    return capabilities && dialer({ ...capabilities, id: capabilities.migrationId });
  }

  private async evict(record: RecordHeader, domain: Domain): Promise<void> {
    const capabilities = this.capabilities as Capabilities; // the order of records holds it to have come
    const bitmap = decodeBitmap(await this.reader.readBody(), capabilities.nrGfns, record.offset);
    if (!this.pager) {
      this.pager = this.newPager(domain, capabilities);
      await this.pager.enable(this.options.signal);
    }
    await (record.type === RecordType.DIRTY_BITMAP ? this.pager.evictLast(bitmap) : this.pager.evict(bitmap));
  }

  private newPager(domain: Domain, { nrGfns, vcpus, migrationId }: Capabilities): Pager {
    const { prepullWindow = 'adaptive', reconnectMs: usual = RECONNECT_MS, gone, onRecordedSet } = this.options;
    const { stage3ReconnectMs: reconnectMs = usual } = this.options;
    const dialer = this.dialer();
    if (!dialer) throw noDialer();
    const prepull = prepullWindow === 'adaptive' ? adaptiveWindow() : fixedWindow(prepullWindow);
    const { clock } = this;
    const emit = (event: object): void => this.emit(event);
    const told = { emit, gone, onRecordedSet };
    return new Pager({ domain, nrGfns, vcpus, dialer, migrationId, prepull, clock, reconnectMs, ...told });
  }

  private emit(event: object): void {
    this.onEvent?.({ ...event, at: this.clock.now() - this.startedAt } as MigrationEvent);
  }

  /** The domain runs: the source is told so, and the missing pages come. */
  private async finish(pages: Promise<Stage3Note> | undefined): Promise<Stage3Note | undefined> {
    this.pager?.started(this.runs);
    const told = this.verdict?.running();
    try {
      return await pages;
    } finally {
      await told;
      this.verdict?.[Symbol.dispose]();
    }
  }

  private async fail(error: unknown): Promise<MigrationError> {
    this.pager?.[Symbol.dispose]();
    const undecided = error instanceof MigrationError && error.code === 'HANDOVER_UNKNOWN';
    try {
      if (!undecided && !this.options.shell) await this.parts?.domain.destroy();
    } catch (cause) {
      error = new Error(`${reasonOf(error)}; and what had come of it could not be destroyed: ${reasonOf(cause)}`, {
        cause,
      });
    } finally {
      if (!undecided) await this.verdict?.refuse(error);
      this.options.stream.destroy();
      this.verdict?.[Symbol.dispose]();
    }
    return error instanceof MigrationError ? error : badStream(error, this.options.shell !== undefined);
  }
}

function badStream(cause: unknown, adopted: boolean): MigrationError {
  const left = adopted ? 'destroy what has come of it' : 'nothing of it is left here';
  return new MigrationError('BAD_STREAM', `the incoming domain cannot be restored: ${reasonOf(cause)}`, {
    survivor: 'source',
    cause,
    remedy: `${left}; look at the reason, and migrate or restore again`,
  });
}

function noDialer(): MigrationError {
  return new MigrationError(
    'NO_RETURN_CHANNEL',
    'this stream ends in post-copy and there is no way back to its source',
    {
      survivor: 'source',
      remedy: 'restore a stream that was saved by precopy, or receive it from a live source',
    },
  );
}
