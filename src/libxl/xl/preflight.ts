/** All that can be known to be wrong before a migration touches anything. */
import type { Strategy } from '../../migrate/report.js';
import type { CommandReceiver, SshReceiver } from './command.js';
import { isControlDomain } from './control-domain.js';
import { XlError } from './errors.js';
import { assertHelper } from './helper-path.js';
import {
  domainObstacle,
  helperObstacle,
  type Obstacle,
  pagingObstacle,
  STOCK_RECEIVER,
  UNKNOWN_RECEIVER,
} from './postcopy.js';
import { checkReceiver } from './receiver-check.js';
import { findDomain, hostInfo, type XlDomain } from './toolstack.js';
import { wayBackObstacle } from './way-back-check.js';

export interface Plan {
  /** Name or domid. */
  readonly domain: string;
  readonly receiver: SshReceiver | CommandReceiver;
  readonly helper: string;
  /** undefined: libxl's own. */
  readonly receiverHelper: string | undefined;
  readonly strategy: Strategy | 'auto';
  /** Reaches the other host for post-copy's way back; undefined: both are one, or somebody has seen to it. */
  readonly returnSsh?: string;
  /** What this host's doctor says; asked only where post-copy is wanted. */
  readonly diagnose: () => Promise<unknown>;
}

export interface Cleared {
  readonly domain: XlDomain;
  /** `auto`: post-copy can be done, and what the engine sees decides. */
  readonly strategy: Strategy | 'auto';
  /** Why `auto` has become precopy. */
  readonly reason?: string;
}

/**
 * The domain, if it can be migrated there. What only the other end of a `--receive-command` knows stays unknown.
 * @throws XlError; nothing has been touched.
 */
export async function preflight(plan: Plan, signal?: AbortSignal): Promise<Cleared> {
  if (!isControlDomain())
    throw new XlError('NO_XEN', 'this is no Xen control domain', 'run it in dom0; xenferry doctor says what is here');
  assertHelper(plan.helper);
  const domain = await findDomain(plan.domain, signal);
  assertMovable(domain);
  return await clear(plan, domain, signal);
}

/** What depends on the strategy, and whether the other host can receive. @throws XlError */
export async function clear(plan: Plan, domain: XlDomain, signal?: AbortSignal): Promise<Cleared> {
  const obstacle = await obstacleHere(plan, domain);
  if (obstacle && plan.strategy === 'tsmc') throw new XlError('NOT_SUPPORTED', obstacle.problem, obstacle.remedy);
  if (domain.type === 'pv') assertShadow(domain, await hostInfo(signal));
  return { domain, ...(await clearReceiver(plan, obstacle, signal)) };
}

/** The cheapest first. */
async function obstacleHere(plan: Plan, domain: XlDomain): Promise<Obstacle | undefined> {
  if (plan.strategy === 'precopy') return undefined;
  if (plan.receiverHelper === undefined) return STOCK_RECEIVER;
  const found = domainObstacle(domain) ?? helperObstacle(plan.helper);
  if (found) return found;
  const paging = pagingObstacle(await plan.diagnose());
  return paging && { ...paging, problem: `this host: ${paging.problem}` };
}

async function clearReceiver(
  plan: Plan,
  obstacle: Obstacle | undefined,
  signal?: AbortSignal,
): Promise<Omit<Cleared, 'domain'>> {
  const { receiver, receiverHelper: helper, strategy } = plan;
  const postcopy = strategy !== 'precopy' && !obstacle;
  const facts = receiver.kind === 'ssh' ? await checkReceiver(receiver, { helper, postcopy }, signal) : undefined;
  if (!postcopy) return settle(strategy, obstacle);
  const there = (facts ? facts.obstacle : unasked(strategy)) ?? (await wayBackObstacle(plan.returnSsh, signal));
  if (there && strategy === 'tsmc') throw new XlError('DESTINATION_REFUSED', there.problem, there.remedy);
  return settle(strategy, there);
}

/** Who names tsmc vouches for the other end. */
function unasked(strategy: Plan['strategy']): Obstacle | undefined {
  return strategy === 'auto' ? UNKNOWN_RECEIVER : undefined;
}

function settle(strategy: Plan['strategy'], obstacle: Obstacle | undefined): Omit<Cleared, 'domain'> {
  return strategy === 'auto' && obstacle ? { strategy: 'precopy', reason: obstacle.problem } : { strategy };
}

export function assertMovable({ domid, name, pciDevices }: XlDomain): void {
  if (domid === 0) throw new XlError('NOT_SUPPORTED', `${name} is dom0 itself`, 'name a guest: xl list shows them');
  if (pciDevices.length === 0) return;
  throw new XlError(
    'PCI_DEVICES',
    `domain ${name} uses PCI devices of this host: ${pciDevices.join(', ')}`,
    `take them out first (xl pci-detach ${name} ${pciDevices[0]}); the other host cannot have the very same ones`,
  );
}

/** Log-dirty of a PV domain needs shadow page tables, and Xen tells whether it was built with them. */
export function assertShadow({ name }: XlDomain, info: ReadonlyMap<string, string>): void {
  const able = info.get('virt_caps')?.split(/\s+/);
  if (able === undefined || able.includes('shadow')) return;
  throw new XlError(
    'NOT_SUPPORTED',
    `domain ${name} is a PV domain, and this Xen was built without SHADOW_PAGING: it cannot track what the guest writes`,
    'use a Xen built with CONFIG_SHADOW_PAGING=y (Debian’s is not), make it a PVH domain (type="pvh"), or move it by xl save and xl restore',
  );
}
