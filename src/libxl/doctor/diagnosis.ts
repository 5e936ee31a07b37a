/** Facts → what this machine can do. */
import { hap, logDirtyHvm, logDirtyPv, memoryPaging, shadow } from './checks/abilities.js';
import { controlDomain, hypervisorVersion, privcmd } from './checks/hypervisor.js';
import { addon, architecture, saveHelper, standby } from './checks/installation.js';
import { ffi, libraries } from './checks/libraries.js';
import { ssh, toolstack, xenstore, xl } from './checks/toolstack.js';
import type { Facts } from './facts.js';
import type { Answer, Check, Finding } from './finding.js';

const ON_DOM0: readonly Check[] = [
  ...[controlDomain, architecture, hypervisorVersion, privcmd],
  ...[hap, shadow, logDirtyHvm, logDirtyPv, memoryPaging],
  ...[xl, toolstack, xenstore, ffi, libraries, addon, saveHelper, standby, ssh],
];

/** Without a control domain there is nothing more to ask, but for what the emulated backend is faster with. */
const ELSEWHERE: readonly Check[] = [controlDomain, addon];

export interface Diagnosis {
  /** Xen's domains, or only emulated ones. */
  readonly backend: 'xen' | 'emulated';
  /** A domain of Xen's can be migrated from here. */
  readonly ready: boolean;
  /** Live, by kind of domain. */
  readonly live: { readonly pv: Answer; readonly hvm: Answer };
  readonly postcopy: Answer;
  readonly findings: readonly Finding[];
}

export function diagnose(facts: Facts): Diagnosis {
  const onDom0 = controlDomain(facts).answer === 'yes';
  // On a guest of Xen's, or a dom0 without xenfs, too, but the first finding says why.
  const findings = (onDom0 ? ON_DOM0 : ELSEWHERE).map((check) => check(facts));
  const answerOf = (id: string): Answer => findings.find((finding) => finding.id === id)?.answer ?? 'no';
  return {
    backend: onDom0 ? 'xen' : 'emulated',
    ready: onDom0 && findings.every(({ needed, answer }) => !needed || answer !== 'no'),
    live: { pv: answerOf('logdirty-pv'), hvm: answerOf('logdirty-hvm') },
    postcopy: answerOf('paging'),
    findings,
  };
}
