/** The domains that a host answers for: who they are, and what is being done to them. */
import type { Domain, DomainInfo, HypervisorBackend } from '../backends/backend.js';
import type { DomainState, DomainView } from './api.js';
import type { DomainConfig } from './domain-config.js';
import { HostError } from './errors.js';

/** Where domains went that are no longer here, for better error messages. */
const KEEP_DEPARTED = 64;

export interface Entry {
  readonly domain: Domain;
  readonly config: DomainConfig;
  /** What holds the domain, in words that follow "the domain". One thing at a time. */
  activity?: string;
  migration?: string;
  /** Where it was handed over to. It must never run here again. */
  departedTo?: string;
  stage3?: boolean;
}

/** What becomes of a name that is held for a domain, in words that follow "the domain". */
const COMING = {
  arriving: 'is arriving',
  creating: 'is being created',
  restoring: 'is being restored',
} as const satisfies Partial<Record<DomainState, string>>;
type Coming = keyof typeof COMING;

export class DomainTable {
  private readonly entries = new Map<number, Entry>();
  private readonly reserved = new Map<string, Coming>();
  private readonly departed = new Map<string, string>();

  constructor(private readonly backend: HypervisorBackend) {}

  /** Holds a name for a domain that is being made; `using` it frees the name again. */
  reserve(name: string, coming: Coming): Disposable {
    const here = [...this.entries.values()].some((entry) => entry.config.name === name) ? 'is here already' : undefined;
    const why = here ?? this.comes(name);
    if (why) {
      const remedy = 'choose another name, or destroy the domain that has it';
      throw new HostError('NAME_TAKEN', `a domain named ${name} ${why}`, { domain: name, remedy });
    }
    this.reserved.set(name, coming);
    return { [Symbol.dispose]: () => void this.reserved.delete(name) };
  }

  add(domain: Domain, config: DomainConfig): Entry {
    const entry: Entry = { domain, config };
    this.entries.set(domain.domid, entry);
    this.departed.delete(config.name);
    return entry;
  }

  remove(entry: Entry): void {
    this.entries.delete(entry.domain.domid);
    if (entry.departedTo === undefined) return;
    this.departed.set(entry.config.name, entry.departedTo);
    const [oldest] = this.departed.keys();
    if (this.departed.size > KEEP_DEPARTED) this.departed.delete(oldest);
  }

  /** By name or by domid. */
  find(ref: string): Entry {
    const byName = [...this.entries.values()].find((entry) => entry.config.name === ref);
    const entry = byName ?? (/^\d{1,9}$/.test(ref) ? this.entries.get(Number(ref)) : undefined);
    if (entry) return entry;
    const coming = this.comes(ref);
    if (coming)
      throw new HostError('BUSY', `domain ${ref} ${coming}`, { domain: ref, remedy: 'wait until it is here' });
    const gone = this.departed.get(ref);
    const message = gone === undefined ? `no domain ${ref} on this host` : `domain ${ref} has left for ${gone}`;
    const remedy = gone === undefined ? 'xenferry list shows the domains of a host' : `ask ${gone}`;
    throw new HostError('NO_SUCH_DOMAIN', message, { domain: ref, remedy });
  }

  /** Throws DEPARTED or BUSY if the domain may not be touched now. */
  assertFree(entry: Entry): void {
    const domain = entry.config.name;
    if (entry.departedTo !== undefined) {
      throw new HostError('DEPARTED', `domain ${domain} was handed over to ${entry.departedTo}`, {
        domain,
        remedy: `it belongs to ${entry.departedTo}; what is left here can only be destroyed`,
      });
    }
    this.assertIdle(entry);
  }

  /** Carries `work` out while nothing else may touch the domain. */
  async exclusively<T>(entry: Entry, activity: string, work: () => Promise<T>): Promise<T> {
    this.assertFree(entry);
    return this.hold(entry, activity, work);
  }

  /** As {@link exclusively}, for what may be done to what a departed domain left behind. */
  async hold<T>(entry: Entry, activity: string, work: () => Promise<T>): Promise<T> {
    this.assertIdle(entry);
    entry.activity = activity;
    try {
      return await work();
    } finally {
      entry.activity = undefined;
    }
  }

  private assertIdle(entry: Entry): void {
    const domain = entry.config.name;
    if (!entry.activity) return;
    throw new HostError('BUSY', `domain ${domain} ${entry.activity}`, { domain, remedy: 'wait until that is over' });
  }

  async list(): Promise<DomainView[]> {
    const infos = await this.backend.listDomains();
    return infos.map((info) => this.viewOf(info));
  }

  /** As {@link find}, and a domain that is not wholly here yet as well. */
  async look(ref: string): Promise<DomainView> {
    const infos = await this.backend.listDomains();
    const coming = infos.find(({ name, domid }) => !this.entries.has(domid) && (name === ref || String(domid) === ref));
    return coming ? this.viewOf(coming) : this.view(this.find(ref));
  }

  async view(entry: Entry): Promise<DomainView> {
    return { ...this.viewOf(await entry.domain.info()), config: entry.config };
  }

  private comes(name: string): string | undefined {
    const coming = this.reserved.get(name);
    return coming && COMING[coming];
  }

  private viewOf(info: DomainInfo): DomainView {
    const { domid, name, guestType, pagingMode, vcpus, maxPages, populatedPages, pagedPages } = info;
    const entry = this.entries.get(domid);
    const state = entry ? stateOf(info, entry) : (this.reserved.get(name) ?? 'arriving');
    const basics = { domid, name, state, guestType, pagingMode, vcpus, maxPages, populatedPages, pagedPages };
    return { ...basics, migration: entry?.migration };
  }
}

function stateOf(info: DomainInfo, entry: Entry): DomainState {
  if (entry.departedTo !== undefined) return 'departed';
  if (entry.stage3) return 'stage3';
  if (info.pagedPages > 0) return 'broken';
  if (entry.migration !== undefined) return 'migrating';
  if (info.suspended) return 'suspended';
  return info.paused ? 'paused' : 'running';
}
