/** The conformance suite's fixture on a real Xen: domains of a pool, Linux in them, and the Xen backend of this dom0. */
import { setTimeout as sleep } from 'node:timers/promises';
import { XenHypervisor } from '../../../src/backends/xen/index.js';
import type { DomainRequest, Factory, Fixture, RunningDomain } from '../../conformance/index.js';
import { Agent } from './agent.js';
import type { Kind, Pool } from './pool.js';
import type { Resident } from './resident.js';
import type { Toolstack } from './toolstack.js';
import { WiredHypervisor } from './wired-hypervisor.js';

/** Linux for a guest that owns few pages, and for one that has pages above gfn 32,768. The kernel alone is 58 MiB. */
const SMALL = { upToPages: 8192, memoryMB: 96 };
const LARGE_MB = 256;
/** A guest of the lab suspends in well under a second, on a machine that does nothing else. */
const SUSPEND_TIMEOUT_MS = 20_000;
/** Guests under software emulation are so much slower than what the suite's times were chosen for. */
const SLOWNESS = 5;

const kindOf = ({ pages, vcpus }: DomainRequest): Kind => ({
  vcpus,
  memoryMB: pages <= SMALL.upToPages ? SMALL.memoryMB : LARGE_MB,
});

export const SMALL_KIND: Kind = { vcpus: 1, memoryMB: SMALL.memoryMB };

export function xenFactory(pool: Pool, toolstack: Toolstack): Factory {
  return async (): Promise<Fixture> => {
    const backend = new WiredHypervisor(XenHypervisor.open({ suspendTimeoutMs: SUSPEND_TIMEOUT_MS }), toolstack);
    const lent: { kind: Kind; resident: Resident }[] = [];
    const moved: Agent[] = [];
    return {
      backend,
      async createDomain(request): Promise<RunningDomain> {
        const kind = kindOf(request);
        const resident = await pool.take(kind);
        lent.push({ kind, resident });
        toolstack.rename(resident.domid, request.name);
        return { domain: await backend.domain(resident.domid), guest: resident.agent };
      },
      async attach({ domid }, guest) {
        const agent = Agent.moved(await toolstack.consoleOf(domid), guest);
        moved.push(agent);
        return agent;
      },
      async residents() {
        const mine = [...lent.map(({ resident }) => resident.domid), ...backend.shells];
        return pool.others(mine);
      },
      sleep: (ms, signal) => sleep(ms * SLOWNESS, undefined, { signal }),
      async close() {
        await backend.close();
        for (const agent of moved) agent.close();
        for (const domid of backend.shells) await pool.remove(domid);
        for (const { kind, resident } of lent) await pool.giveBack(kind, resident);
      },
    };
  };
}
