/**
 * Started by the guard when a pager has ended without a word: bereaved.js DOMID UUID. If the domain misses pages, it is given up.
 */
import { XenDomain, XenHypervisor } from '../../backends/xen/index.js';
import { giveUp } from './lost-domain.js';
import { readStatuses, StatusFile } from './status-file.js';

const WHY = 'its pager was killed while pages were missing, and Xen lets no other take its place';

async function main([domid, uuid]: readonly string[]): Promise<void> {
  await using backend = XenHypervisor.open();
  const domain = await backend.domain(Number(domid));
  // Another by now; or all that was missing had come.
  if (!(domain instanceof XenDomain) || domain.uuid !== uuid) return;
  if ((await domain.info()).pagedPages === 0) return;
  const reason = await giveUp(domain, WHY);
  const last = readStatuses().find((status) => status.role === 'pager' && status.domid === domain.domid);
  if (last) new StatusFile('pager', domain.domid).write({ ...last, state: 'failed', reason, updatedAt: Date.now() });
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`xenferry: ${error.message}\n`);
  process.exitCode = 1;
});
