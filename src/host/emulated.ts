/** The emulated hypervisor as a host's. */
import { controlDigest } from '../backends/emulated/digest.js';
import { EmulatedHypervisor } from '../backends/emulated/hypervisor.js';
import type { DomainConfig } from './domain-config.js';
import type { Digests, HostedBackend } from './hosted-backend.js';

export class EmulatedHost implements HostedBackend {
  readonly hypervisor: EmulatedHypervisor;

  /** All RAM is there from the beginning, so that no migration waits for the kernel to find memory. */
  constructor(ramBytes: number) {
    this.hypervisor = new EmulatedHypervisor({ ramBytes, prefault: true });
  }

  createDomain(config: DomainConfig) {
    return this.hypervisor.createDomain({ ...config, paused: true });
  }

  async digest(domid: number, config: DomainConfig, withControl: boolean): Promise<Digests> {
    const domain = await this.hypervisor.domain(domid);
    await domain.pause();
    try {
      const digest = await domain.digest();
      if (!withControl) return { digest };
      const steps = domain.guestReport().vcpus.map((vcpu) => vcpu.steps);
      const control = await controlDigest(config, steps);
      return { digest, control, verified: digest === control };
    } finally {
      await domain.unpause();
    }
  }
}
