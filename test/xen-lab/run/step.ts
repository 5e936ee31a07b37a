/** What a step of `npm run test:xen` is: something to see on a real Xen. */
import type { Flavour, FlavourName } from '../flavours.js';
import type { Dom0 } from '../vm/dom0.js';

export interface Step {
  /** Unique; what --only looks for. */
  readonly name: string;
  readonly flavour: FlavourName;
  readonly hosts: 1 | 2;
  /** Steps of the same flavour and hosts share a boot, unless their lanes differ. */
  readonly lane?: string;
  readonly timeoutS: number;
  /** How long it takes where all goes well, by which the order of the boots is chosen; an eighth of `timeoutS` if left out. */
  readonly expectedS?: number;
  /** It takes long, and what it shows is shown in short by another: it runs only where it is asked for. */
  readonly extended?: boolean;
  /** Nothing else runs meanwhile: it measures. */
  readonly alone?: boolean;
  /** Resolves when all was as it should be. Throws otherwise, except for what it has told by `bench.result`. */
  run(bench: Bench): Promise<void>;
}

/** What a step works on. */
export interface Bench {
  readonly flavour: Flavour;
  readonly dom0s: readonly Dom0[];
  /** The first of them. */
  readonly dom0: Dom0;
  /** Aborted when the step's time is up. */
  readonly signal: AbortSignal;
  /** Output that is shown if the step fails. */
  log(text: string): void;
  /** A measured fact, for the report. */
  note(text: string): void;
  /** One of several things that the step finds out. With none, the step counts as one. */
  result(result: Result): void;
}

export interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds?: number;
  /** Why it failed. */
  readonly detail?: string;
}

/** A guest has lost or damaged something. Once is enough: such a step is not tried again. */
export class GuestHarmed extends Error {}

export interface Outcome {
  readonly name: string;
  readonly flavour: FlavourName;
  readonly seconds: number;
  readonly results: readonly Result[];
  readonly notes: readonly string[];
  /** Why the step as a whole failed. */
  readonly error?: string;
  /** It failed because a guest has come to harm. */
  readonly harmed?: boolean;
  /** The end of what it logged; there where something failed. */
  readonly tail?: string;
}
