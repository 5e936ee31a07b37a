import type { Facts } from './facts.js';

export type Answer = 'yes' | 'no' | 'unknown';

/** One thing that this machine can or cannot do. */
export interface Finding {
  readonly id: string;
  /** What was asked, for people. */
  readonly what: string;
  readonly answer: Answer;
  /** What was seen. */
  readonly found: string;
  /** What to do about it; there for each no. */
  readonly remedy?: string;
  /** Without it no domain of Xen's can be migrated from here. */
  readonly needed: boolean;
}

export type Check = (facts: Facts) => Finding;
export type Verdict = Pick<Finding, 'answer' | 'found' | 'remedy'>;

export const yes = (found: string): Verdict => ({ answer: 'yes', found });
export const no = (found: string, remedy: string): Verdict => ({ answer: 'no', found, remedy });
export const unknown = (found: string, remedy?: string): Verdict => ({ answer: 'unknown', found, remedy });

/** Something without which nothing goes. */
export function needed(id: string, what: string, judge: (facts: Facts) => Verdict): Check {
  return (facts) => ({ id, what, needed: true, ...judge(facts) });
}

/** Something that only some migrations need. */
export function wanted(id: string, what: string, judge: (facts: Facts) => Verdict): Check {
  return (facts) => ({ id, what, needed: false, ...judge(facts) });
}
