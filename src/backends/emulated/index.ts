/** What a composition root needs of the emulated backend. */
export type { Content, ContentSpec } from './contents.js';
export { controlDigest } from './digest.js';
export type { EmulatedDomain } from './domain.js';
export type { Execution, ExecutionFactory } from './execution.js';
export type { GuestReport, VcpuReport } from './guest-report.js';
export type { AgentConsole } from './guests/agent-console.js';
export type { GuestBuild } from './guests/boot.js';
export type { GuestSpec, ProgramName } from './guests/index.js';
export { programNames } from './guests/index.js';
export { type EmulatedDomainSpec, EmulatedHypervisor, type EmulatedOptions } from './hypervisor.js';
export { liveExecution } from './live/execution.js';
