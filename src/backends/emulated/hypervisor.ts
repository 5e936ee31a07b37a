import {
  BackendError,
  type Capabilities,
  type DomainInfo,
  type DomainShell,
  Errno,
  type HypervisorBackend,
  PAGE_SIZE,
  type PagingMode,
} from '../backend.js';
import { DomainCore } from './core.js';
import { pagesOf } from './digest.js';
import { EmulatedDomain } from './domain.js';
import type { ExecutionFactory } from './execution.js';
import { bootGuest, type GuestBuild, specialPages } from './guests/boot.js';
import { liveExecution } from './live/execution.js';
import { createMachine, MAX_VCPUS } from './machine.js';
import { HvmParam } from './platform-state/hvm-params.js';
import { Ram } from './ram.js';

export interface EmulatedOptions {
  /** The host's memory; all domains together have no more. */
  readonly ramBytes: number;
  /** What runs the vCPUs. Default: live, a thread each. */
  readonly execution?: ExecutionFactory;
  /** Of domains that do not ask for one. Default 'hap'. */
  readonly pagingMode?: PagingMode;
  /** Touch all of the RAM now, so that no migration pays for it. */
  readonly prefault?: boolean;
  /** Time as guests see it; default: timers. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** How long suspend() waits for a guest that does not answer. Default 60 s, as libxl. */
  readonly suspendTimeoutMs?: number;
}

/** A new guest. */
export interface EmulatedDomainSpec extends GuestBuild {
  readonly name: string;
  readonly pagingMode?: PagingMode;
  /** Leave it paused once it is built. */
  readonly paused?: boolean;
}

/** A host that exists in this process alone. */
export class EmulatedHypervisor implements HypervisorBackend {
  readonly name = 'emulated';
  readonly capabilities: Capabilities;
  private readonly ram: Ram;
  private readonly domains = new Map<number, EmulatedDomain>();
  /** As on Xen, a domid is not used again soon: here, never. */
  private nextDomid = 1;
  private closed = false;

  constructor(private readonly options: EmulatedOptions) {
    this.ram = new Ram(options.ramBytes, options.prefault);
    this.capabilities = Object.freeze({
      logDirty: true,
      demandPaging: Object.freeze(['hvm'] as const),
      receive: true,
      guestTypes: Object.freeze(['hvm'] as const),
      pagingModes: Object.freeze(['shadow', 'hap'] as const),
      maxPages: this.ram.pages,
    });
  }

  /** Pages that no domain has. */
  get freePages(): number {
    return this.ram.freePages;
  }

  async listDomains(): Promise<DomainInfo[]> {
    this.check();
    return [...this.domains.values()].map((domain) => domain.describe());
  }

  async domain(domid: number): Promise<EmulatedDomain> {
    this.check();
    const domain = this.domains.get(domid);
    if (domain) return domain;
    throw new BackendError('NO_SUCH_DOMAIN', `there is no domain ${domid} on this host`, {
      domid,
      errno: Errno.ESRCH,
      remedy: 'list the domains for those there are',
    });
  }

  async createShell(shell: DomainShell): Promise<EmulatedDomain> {
    this.check();
    if (shell.guestType !== 'hvm')
      throw new BackendError('NOT_SUPPORTED', 'the emulated backend has no PV guests', {
        errno: Errno.EOPNOTSUPP,
        remedy: 'use a domain of type hvm',
      });
    return this.build(shell);
  }

  /** Builds a guest and starts it. `INVALID_ARGUMENT` if the specification makes no sense. */
  async createDomain(spec: EmulatedDomainSpec): Promise<EmulatedDomain> {
    this.check();
    const domain = this.build({ ...spec, guestType: 'hvm', maxPages: pagesOf(spec.memoryMB) });
    try {
      await this.boot(domain.core, spec);
      if (!spec.paused) await domain.unpause();
      return domain;
    } catch (cause) {
      await domain.destroy();
      if (!(cause instanceof RangeError)) throw cause;
      throw new BackendError('INVALID_ARGUMENT', `domain ${spec.name}: ${cause.message}`, {
        cause,
        errno: Errno.EINVAL,
      });
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.domains.values()].map((domain) => domain.shutDown()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async boot(core: DomainCore, spec: EmulatedDomainSpec): Promise<void> {
    // Until it is counted, all of it may have been written.
    core.nrGfns = core.machine.maxPages;
    await bootGuest(core.machine, spec);
    core.check();
    const { store, console } = specialPages(core.machine.maxPages);
    core.hvmParams.set(HvmParam.STORE_PFN, BigInt(store)).set(HvmParam.CONSOLE_PFN, BigInt(console));
    core.countPages();
    core.ready = true;
  }

  private build(shell: DomainShell): EmulatedDomain {
    const { name, maxPages, vcpus, guestType, pagingMode = this.options.pagingMode ?? 'hap' } = shell;
    checkShape(shell);
    const extent = this.ram.allocate(maxPages);
    if (!extent) throw this.noMemory(maxPages);
    const core = new DomainCore({
      domid: this.nextDomid++,
      name,
      guestType,
      hostPages: this.ram.pages,
      machine: createMachine(this.ram.view(extent), { pagingMode, vcpus, maxPages }),
      execution: this.options.execution ?? liveExecution,
      sleep: this.options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      suspendTimeoutMs: this.options.suspendTimeoutMs ?? 60_000,
      hostClosed: () => this.closed,
    });
    const free = (): Promise<void> => this.ram.release(extent, core.nrGfns);
    const domain = new EmulatedDomain(core, free, () => this.domains.delete(core.domid));
    this.domains.set(core.domid, domain);
    return domain;
  }

  private noMemory(pages: number): BackendError {
    const mib = (count: number): string => `${((count * PAGE_SIZE) / 2 ** 20).toFixed(0)} MiB`;
    return new BackendError(
      'NO_MEMORY',
      `no ${mib(pages)} in one piece are free; ${mib(this.freePages)} of ${mib(this.ram.pages)} are, in all`,
      {
        errno: Errno.ENOMEM,
        remedy:
          "destroy a domain, or start the host with more memory; an emulated domain's memory is one piece of its host's",
      },
    );
  }

  private check(): void {
    if (this.closed) throw new BackendError('CLOSED', 'this hypervisor has been closed');
  }
}

function checkShape({ name, maxPages, vcpus }: DomainShell): void {
  const wrong =
    !Number.isSafeInteger(maxPages) || maxPages < 1
      ? `${maxPages} is not a number of pages`
      : !Number.isSafeInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS
        ? `${vcpus} vCPUs; 1 to ${MAX_VCPUS} are possible`
        : undefined;
  if (wrong) throw new BackendError('INVALID_ARGUMENT', `domain ${name}: ${wrong}`, { errno: Errno.EINVAL });
}
