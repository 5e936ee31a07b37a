import type { EmulatedDomain } from '../domain.js';
import type { EmulatedHypervisor } from '../hypervisor.js';
import type { VirtualExecutionFactory } from './execution.js';

/** Mappings that nobody unmapped, and holds that no pause or suspend accounts for. */
export async function leftInHosts(
  hosts: readonly EmulatedHypervisor[],
  execution: VirtualExecutionFactory,
): Promise<string[]> {
  const left: string[] = [];
  for (const [index, host] of hosts.entries()) {
    for (const { domid } of await host.listDomains()) {
      const found = leftInDomain(await host.domain(domid), execution);
      left.push(...found.map((what) => `${what} of domain ${domid} on host ${index}`));
    }
  }
  return left;
}

function leftInDomain({ core }: EmulatedDomain, { executions }: VirtualExecutionFactory): string[] {
  const { mappedPages } = core.mappings;
  const expected = core.pauses + (core.suspended ? 1 : 0);
  const holds = executions.find(({ machine }) => machine === core.machine)?.holds ?? expected;
  const left = mappedPages > 0 ? [`${mappedPages} mapped pages`] : [];
  return holds === expected ? left : [...left, `${holds - expected} holds`];
}
