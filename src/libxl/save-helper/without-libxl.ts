/** What libxl does with a domain that has been suspended here, where it is not there any more to do it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../backends/backend.js';
import { destroy, isGone } from '../stage3/index.js';
import type { Libxl } from './libxl.js';

/** So long libxl may take for its own part. */
const LIBXL_MS = 10_000;
const LOOK_MS = 200;
/** As long as libxl itself waits for an answer and for the deed. */
const SUSPEND_MS = 120_000;

/** The domain runs on here. Where libxl has gone, or does not see to it, it is resumed. */
export async function resumeAlone(domain: Domain, libxl: Pick<Libxl, 'gone' | 'left'>): Promise<void> {
  if (libxl.gone) return domain.resume();
  // It hears of the failure next, and resumes the domain.
  if (!libxl.left) return;
  if (await staysSuspended(domain)) await domain.resume();
}

/** libxl has gone while the guest was being asked to suspend itself. It may yet, and is then resumed. */
export async function resumeWhenSuspended(domain: Domain): Promise<void> {
  for (const end = Date.now() + SUSPEND_MS; Date.now() < end; await sleep(LOOK_MS)) {
    const info = await domain.info().catch(() => undefined);
    if (info?.suspended) return domain.resume();
    if (!info && (await isGone(domain))) return;
  }
}

/** The domain runs elsewhere, with all its pages. What is left of it here is taken away, where xl has not done so. */
export async function takeAway(domain: Domain): Promise<void> {
  if (await staysSuspended(domain)) await destroy(domain);
}

async function staysSuspended(domain: Domain): Promise<boolean> {
  for (const end = Date.now() + LIBXL_MS; Date.now() < end; await sleep(LOOK_MS)) {
    if (await isGone(domain)) return false;
    if (!(await domain.info()).suspended) return false;
  }
  return true;
}
