import { Reg } from '../registers.js';
import { type AgentSpec, agent } from './agent.js';
import { type AllocatorSpec, allocator } from './allocator.js';
import { type ChurnerSpec, churner } from './churner.js';
import { type HotSetSpec, hotSet } from './hot-set.js';
import { type IdleSpec, idle } from './idle.js';
import { type MemtesterSpec, memtester } from './memtester.js';
import type { Boot, GuestProgram } from './program.js';
import { type ZipfSpec, zipf } from './zipf.js';

/** What runs in a guest. */
export type GuestSpec = IdleSpec | HotSetSpec | MemtesterSpec | ZipfSpec | AllocatorSpec | ChurnerSpec | AgentSpec;
export type ProgramName = GuestSpec['program'];

type Programs = { readonly [Name in ProgramName]: GuestProgram<Extract<GuestSpec, { program: Name }>> };

const PROGRAMS: Programs = {
  idle,
  'hot-set': hotSet,
  memtester,
  zipf,
  allocator,
  churner,
  agent,
};

const byId: (Pick<GuestProgram, 'step'> | undefined)[] = [];
for (const program of Object.values(PROGRAMS)) byId[program.id] = program;

/** The program with this number; undefined for 0 (no program) and for numbers that this version does not know. */
export const programOf = (id: number): Pick<GuestProgram, 'step'> | undefined => byId[id];

export const programNames = Object.keys(PROGRAMS) as readonly ProgramName[];

export const programName = (id: number): ProgramName | undefined =>
  programNames.find((name) => PROGRAMS[name].id === id);

/** Puts `spec` into a vCPU's registers. Throws RangeError if the guest is too small for it. */
export function configure<Name extends ProgramName>(spec: Extract<GuestSpec, { program: Name }>, boot: Boot): void {
  const program: Programs[Name] = PROGRAMS[spec.program as Name];
  boot.u32[Reg.PROGRAM] = program.id;
  program.configure(spec, boot);
}
