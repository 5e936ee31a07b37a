/**
 * The save helper's own options. libxl gives it a fixed command line and passes the environment of `xl` on, so that is where they
 * come from. Whoever starts `xl` (`xenferry migrate`, an operator's shell) sets them; left out, the helper does as libxl's
 * own does.
 */
import { Errno } from '../../backends/backend.js';
import type { PolicyName, Strategy } from '../../migrate/index.js';

export const ENVIRONMENT = {
  XENFERRY_BANDWIDTH: 'bytes a second that a save may send at most, a whole number; unlimited if left out',
  XENFERRY_POSTCOPY_BANDWIDTH:
    'the same for the pages that come when the domain runs over there; as XENFERRY_BANDWIDTH if left out',
  XENFERRY_POLICY: 'when precopy stops its rounds: xen (5 rounds, the default) or xen-4.1 (29 rounds)',
  XENFERRY_STRATEGY:
    'precopy (the default), tsmc or auto; for all but precopy the receiver must be ours, and Xen have memory paging there',
  XENFERRY_RETURN_PORT: 'where post-copy listens for the destination, on loopback; any free port if left out',
  XENFERRY_RETURN_ADDRESS:
    'address:port at which the destination reaches that, if it is another, as by a tunnel of your own',
  XENFERRY_RETURN_SSH:
    'how ssh reaches the destination, such as "ssh dom0-2": the helper has it listen there; not needed within one host, nor with XENFERRY_RETURN_ADDRESS',
  XENFERRY_PREPULL: 'adaptive (the default), or how many pages round a missing one are asked for with it',
  XENFERRY_RECORDED_SET:
    'use (the default): post-copy sends first what the domain needed first after its last one; ignore: it does not, and the destination keeps nothing for the next',
  XENFERRY_DOWNTIME_MS: 'stop as soon as the predicted downtime is within so many milliseconds; fractions are allowed',
  XENFERRY_ZERO_PAGES:
    'send (the default): pages of zeroes travel as all others; skip: as 8 bytes, for a receiver that clears them (ours does)',
  XENFERRY_EVENTS: 'a file to which the helper appends what happens, as JSON lines: see events.ts',
} as const;

export type EnvironmentName = keyof typeof ENVIRONMENT;

export interface HelperOptions {
  /** Bytes a second. */
  readonly bandwidth?: number;
  readonly postcopyBandwidth?: number;
  readonly strategy: Strategy | 'auto';
  readonly returnPort?: number;
  readonly returnAddress?: string;
  /** For sh. */
  readonly returnSsh?: string;
  readonly prepullWindow: number | 'adaptive';
  readonly recordedSet: boolean;
  readonly policy?: PolicyName;
  readonly downtimeBudgetMs?: number;
  /**
   * Only where the receiver is known to be ours: libxl-save-helper gives such a page as the hypervisor does, and Xen scrubs what a dead
   * domain leaves but not what a living one gives back (xen/common/page_alloc.c, free_domheap_pages).
   */
  readonly elideZeroPages: boolean;
  /** Path of the events' file. */
  readonly events?: string;
}

/** A value of one of the variables above that cannot be used. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly errno = Errno.EINVAL;
  readonly remedy: string;

  constructor(name: EnvironmentName, value: string) {
    super(`${name} is "${value}"`);
    this.remedy = `set it to ${ENVIRONMENT[name]}`;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws EnvironmentError; an empty variable counts as left out. */
export function readEnvironment(env: Environment): HelperOptions {
  return {
    bandwidth: read(env, 'XENFERRY_BANDWIDTH', wholeNumber),
    postcopyBandwidth: read(env, 'XENFERRY_POSTCOPY_BANDWIDTH', wholeNumber),
    strategy: read(env, 'XENFERRY_STRATEGY', (text) => STRATEGIES.get(text)) ?? 'precopy',
    returnPort: read(env, 'XENFERRY_RETURN_PORT', wholeNumber),
    returnAddress: read(env, 'XENFERRY_RETURN_ADDRESS', (text) => text),
    returnSsh: read(env, 'XENFERRY_RETURN_SSH', (text) => text),
    prepullWindow: read(env, 'XENFERRY_PREPULL', prepull) ?? 'adaptive',
    recordedSet: read(env, 'XENFERRY_RECORDED_SET', (text) => RECORDED_SET.get(text)) ?? true,
    policy: read(env, 'XENFERRY_POLICY', (text) => (text === 'xen' || text === 'xen-4.1' ? text : undefined)),
    downtimeBudgetMs: read(env, 'XENFERRY_DOWNTIME_MS', decimal),
    elideZeroPages: read(env, 'XENFERRY_ZERO_PAGES', (text) => ZERO_PAGES.get(text)) ?? false,
    events: read(env, 'XENFERRY_EVENTS', (text) => text),
  };
}

const STRATEGIES: ReadonlyMap<string, Strategy | 'auto'> = new Map([
  ['precopy', 'precopy'],
  ['tsmc', 'tsmc'],
  ['auto', 'auto'],
]);

const RECORDED_SET: ReadonlyMap<string, boolean> = new Map([
  ['use', true],
  ['ignore', false],
]);

const ZERO_PAGES: ReadonlyMap<string, boolean> = new Map([
  ['skip', true],
  ['send', false],
]);

function read<T>(env: Environment, name: EnvironmentName, parse: (text: string) => T | undefined): T | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = parse(text);
  if (value === undefined) throw new EnvironmentError(name, text);
  return value;
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value) ? value : undefined;
}

function prepull(text: string): number | 'adaptive' | undefined {
  if (text === 'adaptive') return text;
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function decimal(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}
