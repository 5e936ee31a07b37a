/**
 * When precopy stops its rounds.
 *
 * Sources: Xen 4.1.4 tools/libxc/xc_domain_save.c (29 rounds, 3 × memory, fewer than 50 pages); Xen 4.17
 * tools/libs/guest/xg_sr_save.c simple_precopy_policy (5 rounds, fewer than 50 pages); the downtime budget and the
 * convergence test are what QEMU's users ask for (DESIGN.md, "Strategies").
 */
import type { PolicyName } from '../options.js';
import type { RoundReport, StopReason } from '../report.js';

/** `stop`: what is dirty now travels after the stop. `send-then-stop`: it travels first, then the guest stops. */
export type Decision =
  | { readonly kind: 'continue' }
  | { readonly kind: 'stop' | 'send-then-stop'; readonly reason: StopReason };

/** What a policy may look at. */
export interface Situation {
  readonly nrGfns: number;
  /** Rounds sent so far. */
  readonly rounds: readonly RoundReport[];
  readonly pagesSent: number;
  /** Dirty pages to send next; undefined when asked right after a round, before its CLEAN. */
  readonly dirtyPages?: number;
  /** What stopping now would cost, by the rate seen so far. */
  readonly predictedDowntimeMs?: number;
}

export type Policy = (situation: Situation) => Decision;

const CONTINUE: Decision = { kind: 'continue' };
/** Both Xens stop below this many pages. */
const FEW_PAGES = 50;

/** Today's Xen. Asked before and after each send. */
const xen: Policy = ({ rounds, dirtyPages }) => {
  if (dirtyPages !== undefined && dirtyPages < FEW_PAGES) return { kind: 'send-then-stop', reason: 'few-dirty-pages' };
  if (dirtyPages === undefined && rounds.length >= 5) return { kind: 'stop', reason: 'round-limit' };
  return CONTINUE;
};

/** Xen 4.1.4, which looks only at what the round just sent and skipped. */
const xen41: Policy = ({ nrGfns, rounds, pagesSent, dirtyPages }) => {
  if (dirtyPages !== undefined) return CONTINUE;
  const last = rounds[rounds.length - 1];
  if (last.pagesSent + last.elidedPages + last.skippedPages < FEW_PAGES)
    return { kind: 'stop', reason: 'few-dirty-pages' };
  if (rounds.length >= 29) return { kind: 'stop', reason: 'round-limit' };
  if (pagesSent > 3 * nrGfns) return { kind: 'stop', reason: 'volume-limit' };
  return CONTINUE;
};

const POLICIES: Readonly<Record<PolicyName, Policy>> = { xen, 'xen-4.1': xen41 };

/** Stops as soon as the predicted downtime is within the budget. */
function withBudget(budgetMs: number): Policy {
  return ({ rounds, predictedDowntimeMs }) =>
    rounds.length > 0 && predictedDowntimeMs !== undefined && predictedDowntimeMs <= budgetMs
      ? { kind: 'stop', reason: 'downtime-budget' }
      : CONTINUE;
}

/** A round that leaves more than this share of the pages it began with is not getting anywhere. */
const STALL_SHARE = 0.7;

/**
 * Stops when rounds do not shrink: what is written meanwhile is the writable working set, and further rounds would only
 * send it again (NSDI 2005, §3.2). The full copy is no round to compare with.
 */
const stall: Policy = ({ rounds, dirtyPages }) => {
  if (dirtyPages === undefined || rounds.length < 2) return CONTINUE;
  const before = rounds[rounds.length - 1].dirtyPages;
  return dirtyPages > STALL_SHARE * before ? { kind: 'stop', reason: 'not-converging' } : CONTINUE;
};

/** One full copy, whatever is dirty (TSMC stage 1). */
export const singlePass: Policy = ({ rounds }) =>
  rounds.length >= 1 ? { kind: 'stop', reason: 'single-pass' } : CONTINUE;

/** The first policy that wants to stop decides. */
function firstOf(policies: readonly Policy[]): Policy {
  return (situation) => {
    for (const policy of policies) {
      const decision = policy(situation);
      if (decision.kind !== 'continue') return decision;
    }
    return CONTINUE;
  };
}

export function precopyPolicy(name: PolicyName, downtimeBudgetMs?: number): Policy {
  const base = POLICIES[name];
  return downtimeBudgetMs === undefined ? base : firstOf([withBudget(downtimeBudgetMs), base]);
}

/** A stop-and-copy this short is no worse than stage 2, and needs no stage 3 after it. */
const SHORT_MS = 20;

/**
 * Precopy for as long as its rounds shrink. With a budget it stops as soon as it is within it; without one, as soon as the
 * stop would be short anyway.
 */
export function autoPolicy(name: PolicyName, downtimeBudgetMs?: number): Policy {
  return firstOf([withBudget(downtimeBudgetMs ?? SHORT_MS / 4), stall, POLICIES[name]]);
}

/** Whether, after a stop for this reason, post-copy pays: the stop-and-copy would be long. */
export function wantsPostcopy(reason: StopReason, stopAndCopyMs: number, downtimeBudgetMs = SHORT_MS): boolean {
  const stuck = reason === 'not-converging' || reason === 'round-limit' || reason === 'volume-limit';
  return stuck && stopAndCopyMs > downtimeBudgetMs;
}
