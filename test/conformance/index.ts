/**
 * The conformance suite: what every backend must do, whoever wrote it. See docs/backend-authors.md.
 *
 *     import test from 'node:test';
 *     import { conformance } from 'xenferry/conformance';
 *     conformance({ test, factory, capabilities });
 */
import { capabilities } from './capabilities.js';
import { loading } from './demand-paging/loading.js';
import { missing } from './demand-paging/missing.js';
import { foreignMemory } from './foreign-memory.js';
import { handles } from './handles.js';
import { heldPages } from './held-pages.js';
import { isolation } from './isolation.js';
import { lifecycle } from './lifecycle.js';
import { extent } from './log-dirty/extent.js';
import { races } from './log-dirty/races.js';
import { reporting } from './log-dirty/reporting.js';
import { switching } from './log-dirty/switching.js';
import { platformState } from './platform-state.js';
import { populate } from './populate.js';
import { type ConformanceOptions, register, type Topic } from './runner.js';

export type { Ability, DomainRequest, Factory, Fixture, Guest, RunningDomain } from './fixture.js';
export { ABILITIES, MIN_PAGES } from './fixture.js';
export { MUTANTS, type Mutant } from './mutants/index.js';
export type { ConformanceOptions, DeclaredCapabilities, TestFunction } from './runner.js';

const TOPICS: readonly Topic[] = [
  capabilities,
  lifecycle,
  handles,
  isolation,
  foreignMemory,
  heldPages,
  populate,
  platformState,
  switching,
  reporting,
  extent,
  races,
  missing,
  loading,
];

/** Registers the suite with a runner: once for each paging mode the backend has. */
export function conformance(options: ConformanceOptions): void {
  register(TOPICS, options);
}
