/** Between two steps of a boot: no domain but dom0 is left. */
import type { RunningLab } from '../../run/boots.js';
import { leftovers, running } from './leftovers.js';

export async function tidy({ dom0s }: RunningLab): Promise<void> {
  for (const dom0 of dom0s) {
    for (const { domid } of await running(dom0)) if (domid !== '0') await dom0.run(`xl destroy ${domid}`);
    await dom0.run('rm -rf /var/tmp/xen-lab; mkdir -p /var/tmp/xen-lab');
    const left = await leftovers(dom0);
    if (left.length > 0) throw new Error(left.join('; '));
  }
}
