/** A booted domain of the pool: handed out to one test, made good again, handed out to the next. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../../src/backends/backend.js';
import type { XenHypervisor } from '../../../src/backends/xen/index.js';
import { fillPage } from '../../conformance/pages.js';
import type { Agent } from './agent.js';

/** For an answer of a guest that is expected to be well. */
const ANSWER_MS = 15_000;
/** More pauses than any test makes. */
const PAUSES = 8;

/** Paging that a test has left on cannot be turned on by another. */
async function isUnpaged(xen: XenHypervisor, domain: Domain): Promise<boolean> {
  if (!xen.capabilities.demandPaging.includes((await domain.info()).guestType)) return true;
  await domain.paging.enable(() => undefined);
  await domain.paging.disable();
  return true;
}

export class Resident {
  constructor(
    readonly domid: number,
    readonly agent: Agent,
    private readonly populatedPages: number,
  ) {}

  /** Whether the domain is as it was when it was new, as far as a test can see. False: it is to be discarded. */
  async makeGood(xen: XenHypervisor): Promise<boolean> {
    try {
      const domain = await xen.domain(this.domid);
      if ((await domain.info()).pagedPages > 0) return false;
      await setRunning(domain);
      await mend(domain, this.agent.pages);
      const { populatedPages, dying } = await domain.info();
      if (dying || this.agent.refuses || populatedPages !== this.populatedPages) return false;
      if (!(await isUnpaged(xen, domain))) return false;
      await domain.logDirty.disable();
      if (!(await within(ANSWER_MS, this.cleanPages(domain)))) return false;
      // Counters outlive log-dirty mode; a CLEAN zeroes them.
      await domain.logDirty.clean(0);
      return true;
    } catch {
      return false;
    }
  }

  /** True if the guest sees zeroes where this writes them. */
  private async cleanPages(domain: Domain): Promise<boolean> {
    const { agent } = this;
    await agent.settle();
    {
      using mapping = await domain.memory.map(agent.pages, 'write');
      if (mapping.failed > 0) return false;
      for (let i = 0; i < agent.pages.length; i++) fillPage(mapping, i, 0);
    }
    return (await agent.sum(agent.pages)).every((sum) => sum === 0);
  }
}

async function setRunning(domain: Domain): Promise<void> {
  if ((await domain.info()).suspended) await domain.resume();
  for (let i = 0; i < PAUSES && (await domain.info()).paused; i++) await domain.unpause();
}

/** Gives back pages that a test took. Those of a PV guest are in its kernel's hands. */
async function mend(domain: Domain, pages: Uint32Array): Promise<void> {
  if ((await domain.info()).guestType === 'hvm') await domain.memory.populate(pages);
}

async function within(ms: number, answer: Promise<boolean>): Promise<boolean> {
  const done = new AbortController();
  const late = sleep(ms, false, { signal: done.signal }).catch(() => false);
  try {
    return await Promise.race([answer, late]);
  } finally {
    done.abort();
  }
}
