import {
  type DemandPaging,
  type Domain,
  type DomainInfo,
  Errno,
  type ForeignMemory,
  type PlatformState,
} from '../backend.js';
import { HvmMemory } from './hvm-memory.js';
import { xenError } from './libs/errors.js';
import type { RawDomainInfo } from './libs/xenctrl.js';
import { XenLogDirty } from './log-dirty.js';
import { PagesOut, XenDemandPaging } from './paging/index.js';
import { HvmState } from './platform-state/hvm-state.js';
import { pvParts } from './pv/index.js';
import type { Session } from './session.js';
import { suspendGuest } from './suspend.js';
import type { Rings, ShellWiring } from './wiring.js';

/** State that knows what libxl wants to hear of it. */
interface ReportingState extends PlatformState {
  readonly missing: number;
  readonly rings: Rings;
}

/** How a handle on a domain came about. */
export interface Origin {
  /** It has never run: memory and state are still to come. */
  readonly shell: boolean;
  readonly wiring?: ShellWiring;
  /** Of a domain that has no place in xenstore. */
  readonly name?: string;
  readonly suspendTimeoutMs?: number;
}

export class XenDomain implements Domain {
  /** A domid may be given to another domain, this is not. */
  readonly uuid: string;
  readonly logDirty: XenLogDirty;
  readonly memory: ForeignMemory;
  readonly state: ReportingState;
  readonly paging: DemandPaging;
  private readonly release: () => Promise<void>;
  private readonly nrGfns: (() => number | undefined) | undefined;
  private name: string | undefined;

  constructor(
    private readonly session: Session,
    readonly domid: number,
    raw: RawDomainInfo,
    private readonly origin: Origin,
  ) {
    this.uuid = raw.uuid;
    this.logDirty = new XenLogDirty(session, domid);
    const parts = raw.hvm ? hvmParts(session, domid, origin) : pvParts(session, domid, origin);
    this.memory = parts.memory;
    this.state = parts.state;
    this.paging = parts.paging;
    this.release = parts.release;
    this.nrGfns = 'nrGfns' in parts ? parts.nrGfns : undefined;
  }

  /**
   * The name is the one that the domain had when it was first asked for: to learn it anew is a round trip to xenstored, which nobody
   * should wait for while the guest is stopped. After `xl rename`, listDomains() knows better.
   */
  async info(): Promise<DomainInfo> {
    const raw = this.raw();
    // One that has no name yet may be given one.
    this.name ??= nameOf(this.session, this.domid);
    const info = describe(this.session, raw, this.name ?? this.origin.name);
    return { ...info, nrGfns: this.nrGfns?.() ?? info.nrGfns };
  }

  async pause(): Promise<void> {
    this.raw();
    this.session.control.pause(this.domid);
  }

  async unpause(): Promise<void> {
    if (!this.raw().paused) throw this.invalid('it is not paused');
    this.session.control.unpause(this.domid);
  }

  async suspend(): Promise<void> {
    if (this.raw().suspended) throw this.invalid('it is suspended already');
    await suspendGuest(this.session, this.domid, this.origin.suspendTimeoutMs);
  }

  async resume(): Promise<void> {
    if (!this.raw().suspended) throw this.invalid('it is not suspended');
    this.session.control.resume(this.domid);
    this.session.store.resumeDomain(this.domid);
  }

  async destroy(): Promise<void> {
    this.raw();
    await this.release();
    const { control, ops } = this.session;
    const [result, errno] = await ops.callOffLoop(control.ctrl.address('xc_domain_destroy'), [
      control.address,
      this.domid,
    ]);
    if (result < 0) throw xenError({ what: 'it cannot be destroyed', errno, domid: this.domid });
  }

  /** A domid may have been given to another meanwhile. */
  private raw(): RawDomainInfo {
    const raw = this.session.domain(this.domid);
    if (raw.uuid === this.uuid) return raw;
    throw xenError({ what: 'there is no such domain any more', errno: Errno.ESRCH, domid: this.domid });
  }

  private invalid(what: string): Error {
    return xenError({ what, errno: Errno.EINVAL, domid: this.domid, code: 'INVALID_STATE' });
  }
}

/** A domain that the toolstack has made for us to fill. */
export class AdoptedShell extends XenDomain {
  /** Bit 0 CPUID, bit 1 MSR: what the stream has not said of it (libxl's static_data_done). */
  missingStaticData(): number {
    return this.state.missing;
  }

  /** Where its console and xenstore pages are, once its state is finished. */
  rings(): Rings {
    return this.state.rings;
  }
}

/** As xenstore has it; undefined: the domain has no place there. */
export function nameOf({ store }: Session, domid: number): string | undefined {
  return store.read(`/local/domain/${domid}/name`);
}

export function describe(session: Session, raw: RawDomainInfo, name?: string): DomainInfo {
  const { domid, hvm, hap, vcpus, totPages, maxPages, pagedPages, paused, suspended, dying } = raw;
  return {
    domid,
    name: name ?? `Domain-${domid}`,
    guestType: hvm ? 'hvm' : 'pv',
    pagingMode: hap ? 'hap' : 'shadow',
    vcpus,
    nrGfns: session.control.nrGfns(domid),
    populatedPages: totPages,
    maxPages,
    pagedPages,
    paused,
    suspended,
    dying,
  };
}

interface HvmParts {
  readonly paging: XenDemandPaging;
  readonly memory: HvmMemory;
  readonly state: HvmState;
  readonly release: () => Promise<void>;
}

function hvmParts(session: Session, domid: number, { shell, wiring }: Origin): HvmParts {
  const out = new PagesOut();
  const memory = new HvmMemory(session, domid, shell, out);
  const paging = new XenDemandPaging(session, domid, memory, out);
  const state = new HvmState(session, domid, shell ? 'shell' : 'running', wiring);
  return { memory, state, paging, release: async () => {} };
}
