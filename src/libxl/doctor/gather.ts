/** Looks at the machine, and changes nothing. */
import { loadAddon } from '../../native/index.js';
import { standsBy } from '../standby/index.js';
import { helperProblem, OWN_HELPER } from '../xl/helper-path.js';
import { hostInfo } from '../xl/toolstack.js';
import type { Facts, XlFacts } from './facts.js';
import { inPath, openProblem } from './files.js';
import { readHypervisor } from './hypervisor.js';
import { askHypervisor, installedReleases } from './libraries.js';
import { xenstoreAnswers } from './xenstore.js';

export async function gather(): Promise<Facts> {
  const hypervisor = readHypervisor();
  const xl = await tryXl();
  return {
    arch: process.arch,
    root: process.getuid?.() === 0,
    hypervisor,
    privcmd: openProblem('/dev/xen/privcmd'),
    ...askHypervisor(hypervisor),
    installed: installedReleases(),
    xl,
    xenstore: await xenstoreAnswers(),
    helper: { path: OWN_HELPER, ...helperProblem(OWN_HELPER) },
    standby: await standsBy(),
    node: { path: inPath('node') },
    addon: tryAddon(),
    ssh: { path: inPath('ssh') },
  };
}

async function tryXl(): Promise<XlFacts> {
  const path = inPath('xl');
  if (path === undefined) return { path, problem: undefined };
  try {
    await hostInfo();
    return { path, problem: undefined };
  } catch (error) {
    return { path, problem: (error as Error).message };
  }
}

function tryAddon(): Facts['addon'] {
  try {
    return { built: loadAddon() !== undefined };
  } catch (error) {
    return { built: false, problem: (error as Error).message };
  }
}
