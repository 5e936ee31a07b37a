/** The emulated hypervisor as a host's. */
import { totalmem } from 'node:os';
import { BackendError, Errno, PAGE_SIZE } from '../backends/backend.js';
import { controlDigest } from '../backends/emulated/digest.js';
import { EmulatedHypervisor } from '../backends/emulated/hypervisor.js';
import type { DomainConfig } from './domain-config.js';
import type { Digests, HostedBackend } from './hosted-backend.js';

export class EmulatedHost implements HostedBackend {
  readonly hypervisor: EmulatedHypervisor;

  /**
   * All RAM is there from the beginning, so that no migration waits for the kernel to find memory. Throws NO_MEMORY.
   */
  constructor(ramBytes: number) {
    assertFits(ramBytes);
    this.hypervisor = new EmulatedHypervisor({ ramBytes, prefault: true });
  }

  memory() {
    const { capabilities, freePages } = this.hypervisor;
    return { memoryBytes: capabilities.maxPages * PAGE_SIZE, freeBytes: freePages * PAGE_SIZE };
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

/** The kernel would promise more than the machine has, and kill the process when it is touched. */
function assertFits(ramBytes: number): void {
  // 0, or more than there is, if nothing but the machine limits us.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const most = Math.min(totalmem(), limit);
  if (ramBytes <= most) return;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new BackendError('NO_MEMORY', `a host of ${gib(ramBytes)} on a machine of ${gib(most)}`, {
    errno: Errno.ENOMEM,
    remedy: 'give less: --memory',
  });
}
