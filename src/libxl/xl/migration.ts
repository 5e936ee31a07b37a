/**
 * One migration by `xl migrate` with our save helper at the sending end. xl runs in a session of its own and writes to files, so
 * that neither Ctrl-C nor our own end can break it off half way: what ends it is cancel(), and that lets xl clean up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationReport } from '../../migrate/report.js';
import type { LoggedEvent } from '../save-helper/events.js';
import { childrenOf, descendantsOf } from './children.js';
import { type MigrateCommand, migrateArgs } from './command.js';
import { XlError } from './errors.js';
import { migrationFailed, postcopyFailed } from './failure.js';
import { finalWord } from './final-word.js';
import { HelperEvents } from './helper-events.js';
import { LineFollower } from './lines.js';
import { EventRelay } from './relay.js';
import { wholeReport } from './report.js';
import { conditionOf, type XlDomain } from './toolstack.js';
import { Transcript } from './transcript.js';

export interface XlMigrationOptions extends Omit<MigrateCommand, 'domid'> {
  readonly domain: XlDomain;
  /** What the errors call the other end. */
  readonly host: string;
  /** Path of the save helper at this end. */
  readonly helper: string;
  /** More of the helper's environment: XENFERRY_*. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onEvent?: (event: LoggedEvent) => void;
  /** Every line of xl's, of the helpers' logs and of the receiver's. */
  readonly onLine?: (line: string) => void;
}

/** `too-late`: the domain has been, or is just being, handed over. */
export type CancelResult = 'cancelling' | 'too-late';

const LOOK_AGAIN_MS = 20;
/** Strategies whose helper may go on when xl has ended. */
const MAY_GO_ON: ReadonlySet<string | undefined> = new Set(['tsmc', 'auto']);

export class XlMigration {
  /** The report, or undefined if the domain has moved and its helper could not write one; else rejects with a MigrationError. */
  readonly done: Promise<MigrationReport | undefined>;
  private readonly folder = mkdtempSync(join(tmpdir(), 'xenferry-migrate-'));
  private readonly files = { log: join(this.folder, 'xl.log'), events: join(this.folder, 'events.jsonl') };
  private readonly transcript = new Transcript();
  private readonly events: HelperEvents;
  private readonly followers: readonly LineFollower[];
  private readonly startedAt = Date.now();
  private readonly child: ChildProcess;
  private runningThereAt: number | undefined;
  private readonly relay: EventRelay;
  private readonly detached = new AbortController();
  private cancelled = false;
  private ended = false;

  constructor(private readonly options: XlMigrationOptions) {
    this.relay = new EventRelay((event) => this.options.onEvent?.(event));
    this.relay.postcopy = options.environment.XENFERRY_STRATEGY === 'tsmc';
    this.events = new HelperEvents((event) => this.relay.add(event));
    this.child = this.start();
    this.followers = [
      new LineFollower(this.files.events, (line) => this.events.add(line)),
      new LineFollower(this.files.log, (line) => this.heard(line)),
    ];
    this.done = this.watch();
  }

  /**
   * Lets the helper, or before it has begun the connection, come to an end; xl then leaves the domain running here, and `done` rejects with
   * the code CANCELLED.
   */
  async cancel(): Promise<CancelResult> {
    for (; !this.ended; await sleep(LOOK_AGAIN_MS)) {
      this.read();
      if (this.events.finished || this.isHandedOver()) return 'too-late';
      if (!this.endWorker()) continue;
      this.cancelled = true;
      return 'cancelling';
    }
    return 'too-late';
  }

  /** Stops watching; xl and post-copy go on, and `done` never settles. Returns the folder where it and the helper go on writing. */
  detach(): string {
    for (const follower of this.followers) follower[Symbol.dispose]();
    this.child.unref();
    this.detached.abort();
    return this.folder;
  }

  private start(): ChildProcess {
    const { domain, helper, environment } = this.options;
    const { log, events } = this.files;
    const env = { ...process.env, ...environment, LIBXL_SAVE_HELPER: helper, XENFERRY_EVENTS: events };
    for (const file of [log, events]) closeSync(openSync(file, 'w', 0o600));
    const fd = openSync(log, 'a');
    const args = migrateArgs({ ...this.options, domid: domain.domid });
    try {
      return spawn('xl', args, { env, detached: true, stdio: ['ignore', fd, fd] });
    } finally {
      closeSync(fd);
    }
  }

  private async watch(): Promise<MigrationReport | undefined> {
    try {
      const failure = await new Promise<Error | undefined>((resolve) => {
        this.child.once('error', resolve);
        this.child.once('exit', () => resolve(undefined));
      });
      this.ended = true;
      const endedAt = Date.now();
      this.read();
      if (failure) throw new XlError('XL_MISSING', `xl cannot be run: ${failure.message}`, 'xenferry doctor says more');
      if (this.transcript.ending === 'completed') return await this.moved(endedAt);
      throw migrationFailed({
        ...{ domain: this.options.domain, host: this.options.host, transcript: this.transcript },
        ...{ failure: this.events.failure, cancelled: this.cancelled },
        condition: await conditionOf(this.options.domain.domid),
      });
    } finally {
      for (const follower of this.followers) follower[Symbol.dispose]();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private heard(line: string): void {
    this.transcript.add(line);
    if (this.transcript.stage === 'started') this.runningThereAt ??= Date.now();
    this.options.onLine?.(line);
  }

  private isHandedOver(): boolean {
    const { stage } = this.transcript;
    return this.relay.handedOver || stage === 'handover' || stage === 'started';
  }

  /** xl has ended well. */
  private async moved(endedAt: number): Promise<MigrationReport | undefined> {
    const { events, relay } = this;
    const { domain, host, environment } = this.options;
    if (!MAY_GO_ON.has(environment.XENFERRY_STRATEGY)) return this.report(endedAt, endedAt);
    await finalWord(events, this.detached.signal, () => this.read());
    // Who has never said a word could not open its file, and a precopy has said all before xl ended.
    if (relay.postcopy && !events.report && events.pid !== undefined)
      throw postcopyFailed(domain, host, events.failure);
    return this.report(endedAt, relay.postcopy ? Date.now() : endedAt);
  }

  private report(xlEndedAt: number, endedAt: number): MigrationReport | undefined {
    const { report, stoppedAt, stoppedMs } = this.events;
    const totalMs = endedAt - this.startedAt;
    this.relay.complete(totalMs);
    if (!report || stoppedAt === undefined) return undefined;
    const downtimeMs = (this.runningThereAt ?? xlEndedAt) - stoppedAt;
    return wholeReport(report, { totalMs, downtimeMs, stoppedMs });
  }

  private read(): void {
    for (const follower of this.followers) follower.read();
  }

  /**
   * Ends the process whose end is the clean way out. The save helper, where there is one: it turns log-dirty off and tells xl. Before xl has
   * begun to save: the connection. In between there is neither for a moment, and this returns false.
   */
  private endWorker(): boolean {
    const { pid } = this.child;
    if (pid === undefined) return false;
    const children = childrenOf(pid);
    const helper = children.find(({ args }) => args.includes('--save-domain'));
    if (helper) return terminate(helper.pid);
    if (this.transcript.stage !== 'connecting') return false;
    // With all that its shell has started: no receiver that waits for something shall stay behind.
    const connection = children.flatMap((child) => [child.pid, ...descendantsOf(child.pid)]);
    return (connection.length > 0 ? connection : [pid]).map(terminate).includes(true);
  }
}

function terminate(pid: number): boolean {
  try {
    process.kill(pid, 'SIGTERM');
    return true;
  } catch {
    // It has just ended.
    return false;
  }
}
