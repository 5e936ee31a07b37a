import type { Domain, GuestType, HypervisorBackend } from '../backends/backend.js';
import type { Acceptor, Channel, Dialer } from './io/channel.js';
import type { Clock } from './io/clock.js';
import type { Stage3Progress } from './receive/pager.js';
import type { RecordedSet } from './recorded-set.js';
import type { MigrationEvent, MigrationReport, Strategy } from './report.js';

/** How a domain is stopped and, if the migration fails before the handover, started again. */
export interface Suspender {
  /**
   * The guest's own code suspends it (Xen's PV drivers), and not whoever runs it from outside: it writes pages for that, which it needs
   * again to resume, so that post-copy had better send them in the stop.
   */
  readonly byGuest?: boolean;
  suspend(): Promise<void>;
  resume(): Promise<void>;
}

/** Where a source listens for the connections back to it. */
export interface ReturnAddress {
  /** host:port */
  readonly address: string;
  /** 16 bytes: names the migration on all its connections. */
  readonly id: Uint8Array;
  /** 32 bytes, for this migration alone. */
  readonly token: Uint8Array;
}

/** When precopy stops its rounds. */
export type PolicyName = 'xen-4.1' | 'xen';

export interface SendOptions {
  readonly domain: Domain;
  /** The migration stream, one way. */
  readonly stream: Channel;
  /** Connections the destination makes back to us. Left out for a file, or where the toolstack does the handover. */
  readonly returns?: Acceptor;
  /** Told to the destination where nothing but the stream leads to it: where `returns` is, and the secret that admits it. */
  readonly returnAddress?: ReturnAddress;
  readonly strategy: Strategy | 'auto';
  /** Default 'xen': today's (5 rounds, 50 pages). 'xen-4.1': 29 rounds, 3 × memory, 50 pages. */
  readonly policy?: PolicyName;
  /** Stop as soon as the predicted downtime is within this. */
  readonly downtimeBudgetMs?: number;
  /** Bytes a second, in every stage; unlimited if left out. */
  readonly bandwidth?: number;
  /** Bytes a second in stage 3, where it differs. */
  readonly postcopyBandwidth?: number;
  /** Send zero pages as a type (8 bytes). Default true. */
  readonly elideZeroPages?: boolean;
  /** Of the domain's last post-copy, as its destination was told it ({@link ReceiveOptions.onRecordedSet}): post-copy sends these pages first. */
  readonly recordedSet?: RecordedSet;
  /** Default: domain.suspend() and domain.resume(). */
  readonly suspender?: Suspender;
  /**
   * For a toolstack that stands between the two ends and goes on with the migration once the stream is whole: called when its last byte
   * has been taken, with the report so far. What it does may destroy the domain here.
   */
  readonly onSent?: (report: MigrationReport) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onEvent?: (event: MigrationEvent) => void;
  /** How long the source waits for a broken way back before it says that it could not. Default 60,000 ms. */
  readonly reconnectMs?: number;
  /** The same for stage 3, in which a domain that gives up is lost. Default: reconnectMs. */
  readonly stage3ReconnectMs?: number;
  /** How long the destination may take nothing and say nothing before it counts as lost. Default 30,000 ms. */
  readonly stallMs?: number;
}

export interface ReceiveOptions {
  readonly backend: HypervisorBackend;
  readonly stream: Channel;
  /**
   * Where the toolstack has made the empty domain already, as libxl does; in place of backend.createShell(). Called once, as soon as the
   * stream has begun; may refuse the stream's kind of guest. Such a domain is not destroyed when this fails: whoever made it does that.
   */
  readonly shell?: (guestType: GuestType) => Promise<Domain>;
  /** The way back to the source, or how it is made from what the stream says; needed for anything but a plain stream. */
  readonly dialer?: Dialer | ((source: ReturnAddress) => Dialer);
  /**
   * Resolves when the domain has been destroyed while pages were missing. None is then any more, and the source is told that it need
   * send none.
   */
  readonly gone?: Promise<void>;
  readonly name: string;
  readonly maxPages: number;
  readonly vcpus: number;
  /** Post-copy is over: which pages the guest needed first, for whoever moves the domain next ({@link SendOptions.recordedSet}). */
  readonly onRecordedSet?: (set: RecordedSet) => void;
  /** Prepull: how many pages round a missing one are asked for with it. Default: adaptive. 0: none. */
  readonly prepullWindow?: number | 'adaptive';
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onEvent?: (event: MigrationEvent) => void;
  readonly reconnectMs?: number;
  /** The same for stage 3, in which a domain that gives up is lost. Default: reconnectMs. */
  readonly stage3ReconnectMs?: number;
  /**
   * How long nothing may come before the source counts as lost. Default 120,000 ms: a toolstack may take a minute to suspend
   * the guest.
   */
  readonly stallMs?: number;
  /** Leave the domain paused. */
  readonly paused?: boolean;
  /**
   * In place of domain.unpause(), for a toolstack that starts the domain itself; resolves to true when it runs, and to false if nobody has
   * started it yet. `progress`: how stage 3 stands, undefined if there is none.
   */
  readonly start?: (domain: Domain, progress: () => Stage3Progress | undefined) => Promise<boolean>;
}
