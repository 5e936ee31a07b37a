import type { Capabilities, Domain, DomainInfo, DomainShell, HypervisorBackend } from '../backend.js';
import { createShell } from './create-shell.js';
import { AdoptedShell, describe, nameOf, XenDomain } from './domain.js';
import { PhysCap } from './libs/abi.js';
import { MAX_GFNS } from './limits.js';
import { pagingBuiltIn } from './paging/built-in.js';
import { pciDevices } from './pci-devices.js';
import { rehearse } from './rehearsal.js';
import { Session } from './session.js';
import type { ShellWiring } from './wiring.js';

export interface XenOptions {
  /** How long a guest may take to suspend itself, twice over. Default: a minute, as libxl has it. */
  readonly suspendTimeoutMs?: number;
}

/** The Xen of the dom0 that this runs in. */
export class XenHypervisor implements HypervisorBackend {
  readonly name = 'xen';
  readonly capabilities: Capabilities;
  private readonly handles = new Map<number, XenDomain>();

  private constructor(
    private readonly session: Session,
    private readonly options: XenOptions,
  ) {
    const { capabilities } = session.control.physinfo();
    const has = (bit: number): boolean => (capabilities & bit) !== 0;
    this.capabilities = Object.freeze({
      logDirty: has(PhysCap.HAP) || has(PhysCap.SHADOW),
      demandPaging: Object.freeze(
        has(PhysCap.HVM) && has(PhysCap.HAP) && pagingBuiltIn(session.control) === true ? ['hvm' as const] : [],
      ),
      receive: true,
      guestTypes: Object.freeze([
        ...(has(PhysCap.HVM) ? ['hvm' as const] : []),
        ...(has(PhysCap.PV) ? ['pv' as const] : []),
      ]),
      pagingModes: Object.freeze([
        ...(has(PhysCap.SHADOW) ? ['shadow' as const] : []),
        ...(has(PhysCap.HAP) ? ['hap' as const] : []),
      ]),
      maxPages: MAX_GFNS,
    });
  }

  /** `NOT_SUPPORTED`, with what to do, where this is no dom0 or something that it needs is missing. */
  static open(options: XenOptions = {}): XenHypervisor {
    const session = new Session();
    try {
      return new XenHypervisor(session, options);
    } catch (error) {
      void session.close();
      throw error;
    }
  }

  /** Does now what the first use of each part would, in a process that waits: in a domain's downtime it counts. */
  async prepare(): Promise<void> {
    this.session.prepare();
    await rehearse(this.session);
  }

  async listDomains(): Promise<DomainInfo[]> {
    const { session } = this;
    const live = session.control.domains().filter(({ domid, dying }) => domid !== 0 && !dying);
    return live.map((raw) => describe(session, raw, nameOf(session, raw.domid)));
  }

  async domain(domid: number): Promise<XenDomain> {
    const raw = this.session.domain(domid);
    // One object for each domain, so that an operation under way is known to every handle.
    const known = this.handles.get(domid);
    if (known?.uuid === raw.uuid) return known;
    const handle = new XenDomain(this.session, domid, raw, { shell: false, ...this.options });
    this.handles.set(domid, handle);
    return handle;
  }

  /** The empty domain that libxl has created, to be filled from a stream. */
  async adoptShell(domid: number, wiring: ShellWiring): Promise<AdoptedShell> {
    const shell = new AdoptedShell(this.session, domid, this.session.domain(domid), { shell: true, wiring });
    this.handles.set(domid, shell);
    return shell;
  }

  async createShell(shell: DomainShell): Promise<Domain> {
    const { session } = this;
    const domid = createShell(session, shell);
    const domain = new XenDomain(session, domid, session.domain(domid), { shell: true, name: shell.name });
    this.handles.set(domid, domain);
    return domain;
  }

  /** PCI devices of this host that the domain has been given; with any, it can neither move nor be saved live. */
  pciDevices(domid: number): readonly string[] {
    return pciDevices(this.session.store, domid);
  }

  async close(): Promise<void> {
    this.handles.clear();
    await this.session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
