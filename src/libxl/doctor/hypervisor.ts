import { hypervisorVersion } from '../../backends/xen/libs/abi.js';
import type { HypervisorFacts } from './facts.js';
import { textOf } from './files.js';

export function readHypervisor(root = ''): HypervisorFacts {
  const folder = `${root}/sys/hypervisor`;
  const version = hypervisorVersion(folder);
  const extra = textOf(`${folder}/version/extra`) ?? '';
  return {
    type: textOf(`${folder}/type`),
    version,
    versionText: version ? `${version.major}.${version.minor}${extra}` : '',
    capabilities: textOf(`${root}/proc/xen/capabilities`),
  };
}
