/** All that can be known to be wrong before a migration touches anything. */
import type { CommandReceiver, SshReceiver } from './command.js';
import { isControlDomain } from './control-domain.js';
import { XlError } from './errors.js';
import { assertHelper } from './helper-path.js';
import { checkReceiver } from './receiver-check.js';
import { findDomain, hostInfo, type XlDomain } from './toolstack.js';

export interface Plan {
  /** Name or domid. */
  readonly domain: string;
  readonly receiver: SshReceiver | CommandReceiver;
  readonly helper: string;
  /** undefined: libxl's own. */
  readonly receiverHelper: string | undefined;
}

/**
 * The domain, if it can be migrated there. What only the other end of a `--receive-command` knows stays unknown.
 * @throws XlError; nothing has been touched.
 */
export async function preflight(plan: Plan, signal?: AbortSignal): Promise<XlDomain> {
  if (!isControlDomain())
    throw new XlError('NO_XEN', 'this is no Xen control domain', 'run it in dom0; xenferry doctor says what is here');
  assertHelper(plan.helper);
  const domain = await findDomain(plan.domain, signal);
  assertMovable(domain);
  if (domain.type === 'pv') assertShadow(domain, await hostInfo(signal));
  if (plan.receiver.kind === 'ssh') await checkReceiver(plan.receiver, plan.receiverHelper, signal);
  return domain;
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
