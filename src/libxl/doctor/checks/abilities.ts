/** What the hypervisor was built with and what the CPU offers. */
import type { Facts, PhysicalFacts } from '../facts.js';
import { needed, no, unknown, type Verdict, wanted, yes } from '../finding.js';

const NOT_ASKED = 'the hypervisor could not be asked';
const NO_SHADOW = 'Xen was built without SHADOW_PAGING';
const REBUILD = 'rebuild Xen with CONFIG_SHADOW_PAGING=y';

function asked(judge: (physical: PhysicalFacts) => Verdict): (facts: Facts) => Verdict {
  return ({ physical }) => (physical ? judge(physical) : unknown(NOT_ASKED));
}

export const hap = wanted(
  'hap',
  'hardware-assisted paging (HAP)',
  asked(({ hap }) =>
    hap
      ? yes('EPT or NPT')
      : no(
          'neither EPT nor NPT',
          'switch virtualisation on in the firmware (VT-x with EPT, or AMD-V), and leave hap=0 off Xen’s command line',
        ),
  ),
);

export const shadow = wanted(
  'shadow',
  'shadow paging',
  asked(({ shadow }) =>
    shadow
      ? yes('built in')
      : no(
          NO_SHADOW,
          `PV domains cannot be migrated live here; PVH and HVM can. For PV, ${REBUILD} (Debian’s is built without it), or make the guest PVH`,
        ),
  ),
);

export const logDirtyHvm = needed(
  'logdirty-hvm',
  'log-dirty for HVM and PVH domains',
  asked(({ hvm, hap, shadow }) => {
    if (!hvm) return no('Xen runs no HVM or PVH domain here', 'switch virtualisation on in the firmware');
    if (hap) return yes('by HAP');
    return shadow ? yes('by shadow paging') : no('neither HAP nor shadow paging', `see HAP above, or ${REBUILD}`);
  }),
);

export const logDirtyPv = wanted(
  'logdirty-pv',
  'log-dirty for PV domains',
  asked(({ pv, shadow }) => {
    if (!pv) return no('Xen was built without PV', 'nothing, unless PV domains are wanted: rebuild with CONFIG_PV=y');
    return shadow ? yes('by shadow paging') : no(NO_SHADOW, `${REBUILD}, or use PVH`);
  }),
);

export const memoryPaging = wanted('paging', 'memory paging (for post-copy)', ({ paging, physical }) => {
  if (paging === 'unknown') return unknown(NOT_ASKED);
  if (paging === 'not-built')
    return no(
      'Xen was built without MEM_PAGING',
      'precopy needs none. For post-copy (--strategy tsmc), rebuild Xen with CONFIG_UNSUPPORTED=y and CONFIG_MEM_PAGING=y',
    );
  if (physical && !physical.hap) return no('built in, but it needs HAP', 'see HAP above');
  return yes('built in');
});
