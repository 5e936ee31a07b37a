/** What a host needs of its hypervisor beyond the contract: domains made from a configuration, and digests to verify them by. */
import type { Domain, HypervisorBackend } from '../backends/backend.js';
import type { DomainConfig } from './domain-config.js';

export interface Digests {
  readonly digest: string;
  /** Of a control that never moved, after the same steps. */
  readonly control?: string;
  /** The two are equal. */
  readonly verified?: boolean;
}

export interface HostedBackend {
  readonly hypervisor: HypervisorBackend;
  /** For domains, in all and what none of them has. Bytes. */
  memory(): { readonly memoryBytes: number; readonly freeBytes: number };
  /** A paused domain. Throws BackendError INVALID_ARGUMENT for a configuration that it cannot carry out. */
  createDomain(config: DomainConfig): Promise<Domain>;
  /** Stops the domain until it has been compared. */
  digest(domid: number, config: DomainConfig, control: boolean): Promise<Digests>;
}
