/**
 * What a migration tells: typed events while it runs, one report at the end. All times are milliseconds of the
 * engine's clock; pages are 4 KiB.
 */

export type Strategy = 'precopy' | 'tsmc';

/**
 * The states of a migration, as the source sees them.
 *
 *   setup → stage1 ─→ stopped → handover ─→ completed                      (precopy)
 *                                        └→ stage3 ⇄ broken → completed    (TSMC)
 *   setup | stage1 | stopped → cancelled | failed      the source runs on
 *   handover | stage3 | broken → failed                the source never runs again
 *
 * `stage1` is the copy while the guest runs here (precopy: its rounds; TSMC: one full copy); `stopped` the
 * stop-and-copy, or the bitmap and CPU state; `stage3` the post-copy.
 */
export type MigrationState =
  | 'setup'
  | 'stage1'
  | 'stopped'
  | 'handover'
  | 'stage3'
  | 'broken'
  | 'completed'
  | 'cancelled'
  | 'failed';

/** One pass over the dirty pages. Round 0 is the full copy. */
export interface RoundReport {
  readonly round: number;
  readonly ms: number;
  /** Pages that were to be sent when the round began. */
  readonly dirtyPages: number;
  /** Pages sent with their data. */
  readonly pagesSent: number;
  /** Pages that travelled as a type only: zero, or holes. */
  readonly elidedPages: number;
  /** Pages left for later because PEEK said they were dirty again. */
  readonly skippedPages: number;
  /** Pages that could not be mapped and were deferred. */
  readonly deferredPages: number;
  readonly bytesSent: number;
  /** Shadow fixup faults since the last CLEAN. */
  readonly faultCount: number;
  /** The guest was already stopped. */
  readonly final: boolean;
}

export interface Stage3Report {
  readonly ms: number;
  /** The destination has seen the domain run, and it was there when the last page came. */
  readonly runs: boolean;
  /** What the destination took, while the guest was stopped, to take out pages; part of `restore` as the source sees it. */
  readonly evictionMs: number;
  /** Pages that were missing when the guest resumed at the destination. */
  readonly missingPages: number;
  /** vCPU faults on missing pages. */
  readonly faults: number;
  /** Pages that came because a vCPU asked, because they lie round such a page, and by the push. */
  readonly demandPages: number;
  readonly prepullPages: number;
  readonly pushPages: number;
  /** Missing pages that the guest gave away before they came. */
  readonly droppedPages: number;
  readonly faultLatencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Time vCPUs waited for pages, summed per vCPU number. */
  readonly blockedMs: readonly number[];
  /** Times the channels broke and came back. */
  readonly reconnects: number;
}

export interface MigrationReport {
  /** The strategy that was carried out; `auto` ends as one of the two. */
  readonly strategy: Strategy;
  readonly state: MigrationState;
  readonly totalMs: number;
  /** From the suspend request here until the destination said that the guest runs there. */
  readonly downtimeMs: number;
  /** What this engine expected the downtime to be when it stopped the guest. */
  readonly predictedDowntimeMs: number;
  /** Named parts of the downtime: suspend, pages, state, restore, unpause. */
  readonly downtimeParts: Readonly<Record<string, number>>;
  readonly pagesSent: number;
  readonly elidedPages: number;
  readonly bytesSent: number;
  /** The largest number of times any one page was sent. */
  readonly maxSendsPerPage: number;
  readonly rounds: readonly RoundReport[];
  /** Why stage 1 ended. */
  readonly stopReason: StopReason;
  readonly stage3?: Stage3Report;
}

export type StopReason =
  | 'few-dirty-pages'
  | 'round-limit'
  | 'volume-limit'
  | 'downtime-budget'
  | 'not-converging'
  | 'single-pass';

/** Progress that never runs backwards. */
export interface Progress {
  /** 0 to 1, of the work known to be left. */
  readonly fraction: number;
  readonly pagesSent: number;
  readonly bytesSent: number;
  readonly bytesPerSecond: number;
  /** Milliseconds still to go; undefined while there is nothing to go by. */
  readonly etaMs?: number;
}

export type MigrationEvent = { readonly at: number } & (
  | { readonly type: 'state'; readonly from: MigrationState; readonly to: MigrationState }
  | { readonly type: 'round'; readonly round: RoundReport }
  | {
      readonly type: 'pages';
      readonly gfns: Uint32Array;
      readonly why: 'round' | 'final' | 'vital' | 'demand' | 'prepull' | 'push';
    }
  /**
   * The pages whose last version the destination does not have: before each round, and at the stop. As a log-dirty bitmap of
   * `nrGfns` bits.
   */
  | { readonly type: 'lacking'; readonly bitmap: Uint8Array; readonly nrGfns: number }
  /** Somebody had left log-dirty on; it was turned off and on again, and is the migration's now. Whoever else reads it loses pages. */
  | { readonly type: 'log-dirty'; readonly what: 'taken-over' }
  | { readonly type: 'strategy'; readonly strategy: Strategy; readonly reason: string }
  | { readonly type: 'fault'; readonly gfn: number; readonly vcpu: number }
  | { readonly type: 'loaded'; readonly gfn: number; readonly latencyMs: number }
  | { readonly type: 'channel'; readonly what: 'broken' | 'reconnected'; readonly reason?: string }
  | { readonly type: 'progress'; readonly state: MigrationState; readonly progress: Progress }
);
