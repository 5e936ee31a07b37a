/** Emulated domains for tests whose vCPUs are stepped by hand. */
import type { BackendErrorCode, PagingMode } from '../../src/backends/backend.js';
import type { EmulatedDomain } from '../../src/backends/emulated/domain.js';
import {
  type EmulatedDomainSpec,
  EmulatedHypervisor,
  type EmulatedOptions,
} from '../../src/backends/emulated/hypervisor.js';
import { type ManualExecution, manualExecution } from './manual-execution.js';

export const MIB = 1024 * 1024;

const opened: EmulatedHypervisor[] = [];

/** A host that is closed when the test file is done. */
export function openHost(options: Partial<EmulatedOptions> = {}): EmulatedHypervisor {
  const host = new EmulatedHypervisor({ ramBytes: 64 * MIB, ...options });
  opened.push(host);
  return host;
}

export async function closeHosts(): Promise<void> {
  await Promise.all(opened.splice(0).map((host) => host.close()));
}

export interface Stepped {
  readonly host: EmulatedHypervisor;
  readonly domain: EmulatedDomain;
  readonly execution: ManualExecution;
  readonly spec: EmulatedDomainSpec;
}

export const SPEC: EmulatedDomainSpec = {
  name: 'guest',
  memoryMB: 4,
  vcpus: 1,
  guest: { program: 'hot-set', hotMB: 1 },
  seed: 1,
};

export async function stepped(
  spec: Partial<EmulatedDomainSpec> = {},
  options: Partial<EmulatedOptions> = {},
): Promise<Stepped> {
  const { factory, made } = manualExecution();
  const host = openHost({ execution: factory, ...options });
  const whole = { ...SPEC, ...spec };
  const domain = await host.createDomain(whole);
  return { host, domain, execution: made[made.length - 1], spec: whole };
}

export const MODES: readonly PagingMode[] = ['hap', 'shadow'];

/** For expect().rejects. */
export const code = (name: BackendErrorCode, errno?: number): object =>
  expect.objectContaining({ name: 'BackendError', code: name, ...(errno === undefined ? {} : { errno }) });
