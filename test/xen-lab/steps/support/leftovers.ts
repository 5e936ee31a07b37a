/** What migrations may leave behind in a dom0: none of it should be there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dom0 } from '../../vm/dom0.js';

export const LOG_DIRTY = 'python3 /xenferry/test/xen-lab/inside/log-dirty.py';

interface Running {
  readonly name: string;
  readonly domid: string;
}

/** xenconsoled and others let go of a dead domain's pages in their own time. */
const PATIENCE_S = 20;

/** Sentences, one for each thing that is left for good; for a dom0 in which no migration is under way. */
export async function leftovers(dom0: Dom0): Promise<string[]> {
  for (const end = Date.now() + PATIENCE_S * 1000; ; ) {
    const found = await leftNow(dom0);
    if (found.length === 0 || Date.now() > end) return found;
    await sleep(1000);
  }
}

async function leftNow(dom0: Dom0): Promise<string[]> {
  const domains = await running(dom0);
  const ids = new Set(domains.map(({ domid }) => domid));
  const found = domains.filter(({ name }) => /^\(null\)$|--/.test(name)).map(({ name }) => `a domain called ${name}`);
  for (const folder of ['/local/domain', '/libxl']) {
    const keys = lines(await dom0.run(`xenstore-list ${folder} 2>/dev/null; true`));
    found.push(...keys.filter((key) => /^\d+$/.test(key) && !ids.has(key)).map((key) => `xenstore ${folder}/${key}`));
  }
  const known = lines(
    await dom0.run(`for id in ${[...ids].join(' ')}; do xenstore-read /local/domain/$id/vm; done; true`),
  );
  const uuids = lines(await dom0.run('xenstore-list /vm; true'));
  found.push(...uuids.filter((uuid) => !known.includes(`/vm/${uuid}`)).map((uuid) => `xenstore /vm/${uuid}`));
  // xl itself stays, to watch over the domain that it received.
  const helpers = await dom0.run("pgrep -af '[s]ave-helper'; true");
  found.push(...lines(helpers).map((line) => `a process: ${line}`));
  for (const { name, domid } of domains.filter(({ domid }) => domid !== '0')) {
    const state = (await dom0.run(`${LOG_DIRTY} state ${domid}`)).trim();
    if (state !== 'off') found.push(`log-dirty mode of ${name}: ${state}`);
  }
  return found;
}

export async function assertNothingLeft(dom0: Dom0): Promise<void> {
  const found = await leftovers(dom0);
  if (found.length > 0) throw new Error(`left behind in ${dom0.name}: ${found.join('; ')}`);
}

/** Every domain, dom0 too. */
export async function running(dom0: Dom0): Promise<Running[]> {
  const table = lines(await dom0.run('xl list')).slice(1);
  return table.map((line) => line.split(/\s+/)).map(([name, domid]) => ({ name, domid }));
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('xenstore-'));
}
