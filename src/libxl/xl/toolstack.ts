/** What xl says of this host and its domains. */
import { XlError } from './errors.js';
import { type Outcome, run } from './process.js';

/** xl answers within milliseconds, unless another xl holds its lock or the machine is busy. */
const TIMEOUT_MS = 60_000;

export type XlGuestType = 'pv' | 'pvh' | 'hvm';

export interface XlDomain {
  readonly domid: number;
  readonly name: string;
  readonly type: XlGuestType;
  /** PCI devices passed through, as `0000:03:00.0`. */
  readonly pciDevices: readonly string[];
  /** Hardware-assisted paging; undefined: xl does not say, or it is none that could have it. */
  readonly hap?: boolean;
  /** It may be given devices: its memory is in the IOMMU's tables. */
  readonly passthrough?: boolean;
  /** What it has and what it may have. */
  readonly targetKb?: number;
  readonly maxKb?: number;
}

/** The domain of this name or domid. */
export async function findDomain(ref: string, signal?: AbortSignal): Promise<XlDomain> {
  const { code, stdout, stderr } = await xl(['list', '-l', ref], signal);
  if (code !== 0) throw notFound(ref, stderr);
  const domain = parseDomain(stdout);
  if (domain) return domain;
  throw new XlError(
    'NOT_SUPPORTED',
    `xl keeps no configuration of domain ${ref}`,
    'xl can only move domains that it made itself (xl create): dom0 and the domains of other toolstacks it cannot',
  );
}

function notFound(ref: string, stderr: string): XlError {
  if (/invalid domain identifier|does not exist|Non-exist/i.test(stderr))
    return new XlError('NO_SUCH_DOMAIN', `no domain is called ${ref}, and none has this number`, 'xl list shows them');
  return doesNotWork(stderr);
}

/** Of `xl list -l DOMAIN`. undefined: no domain is described there. */
export function parseDomain(json: string): XlDomain | undefined {
  const [entry] = parseList(json);
  const info = entry?.config?.c_info;
  if (!entry || typeof entry.domid !== 'number' || typeof info?.name !== 'string') return undefined;
  if (info.type !== 'pv' && info.type !== 'pvh' && info.type !== 'hvm') return undefined;
  const pciDevices = (entry.config?.pcidevs ?? []).map(pciAddress);
  return { domid: entry.domid, name: info.name, type: info.type, pciDevices, ...memoryOf(entry.config) };
}

/** libxl prints a defbool as True, False or <default>, and leaves the last out. */
function memoryOf({ c_info: info, b_info: build }: Config = {}): Partial<XlDomain> {
  return {
    ...(typeof info?.hap === 'string' && { hap: info.hap !== 'False' }),
    ...(typeof info?.passthrough === 'string' && {
      passthrough: !['disabled', 'default', 'unknown'].includes(info.passthrough),
    }),
    ...(typeof build?.target_memkb === 'number' && { targetKb: build.target_memkb }),
    ...(typeof build?.max_memkb === 'number' && { maxKb: build.max_memkb }),
  };
}

interface ListEntry {
  readonly domid?: unknown;
  readonly config?: Config;
}

interface Config {
  readonly c_info?: {
    readonly type?: unknown;
    readonly name?: unknown;
    readonly hap?: unknown;
    readonly passthrough?: unknown;
  };
  readonly b_info?: { readonly target_memkb?: unknown; readonly max_memkb?: unknown };
  readonly pcidevs?: readonly PciDevice[];
}

interface PciDevice {
  readonly domain?: number;
  readonly bus?: number;
  readonly dev?: number;
  readonly func?: number;
}

function parseList(json: string): readonly ListEntry[] {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

/** libxl leaves out fields that are 0. */
function pciAddress({ domain = 0, bus = 0, dev = 0, func = 0 }: PciDevice): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(dev, 2)}.${func}`;
}

export type DomainCondition = 'runs' | 'paused' | 'suspended' | 'gone' | 'unknown';

/** How a domain is, after something went wrong. Never throws. */
export async function conditionOf(domid: number): Promise<DomainCondition> {
  try {
    const { code, stdout, stderr } = await xl(['list', String(domid)]);
    if (code === 0) return parseCondition(stdout, domid);
    return /does not exist|invalid domain/i.test(stderr) ? 'gone' : 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Of `xl list DOMID`: name, domid, memory, vCPUs, state (r, b, p, s, c, d or -), seconds. */
export function parseCondition(table: string, domid: number): DomainCondition {
  for (const line of table.split('\n')) {
    const [, id, state] = /\s(\d+)\s+\d+\s+\d+\s+([rbpscd-]{6})\s+[\d.]+\s*$/.exec(line) ?? [];
    if (Number(id) !== domid || state === undefined) continue;
    if (state[3] === 's' || state[4] === 'c' || state[5] === 'd') return 'suspended';
    return state[2] === 'p' ? 'paused' : 'runs';
  }
  return 'gone';
}

/** `xl info` as it stands: name → value. */
export async function hostInfo(signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { code, stdout, stderr } = await xl(['info'], signal);
  if (code !== 0) throw doesNotWork(stderr);
  return parseInfo(stdout);
}

export function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('\n').map((line) => /^(\w+)\s*:\s?(.*)$/.exec(line));
  return new Map(pairs.filter((pair) => pair !== null).map(([, name, value]) => [name, value.trim()]));
}

async function xl(args: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  const outcome = await run('xl', args, { timeoutMs: TIMEOUT_MS, signal });
  const { failure, timedOut } = outcome;
  if (timedOut) {
    const remedy = 'look at xl list, and for another xl that hangs and holds the lock';
    throw new XlError('XL_MISSING', `xl ${args[0]} did not end within ${TIMEOUT_MS / 1000} s`, remedy);
  }
  if (!failure) return outcome;
  const remedy = 'install the Xen toolstack (Debian: xen-utils), and see that /usr/sbin is in the PATH';
  throw new XlError('XL_MISSING', `xl cannot be run: ${failure.message}`, remedy, failure);
}

function doesNotWork(stderr: string): XlError {
  const said = stderr.trim().split('\n')[0] || 'it did not say why';
  return new XlError(
    'XL_MISSING',
    `xl does not work here: ${said}`,
    'run this as root in dom0; xenferry doctor says more',
  );
}
