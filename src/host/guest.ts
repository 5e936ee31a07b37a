/** What may run in an emulated domain, and its parameters: one schema for the API, the command's help and its checks. */
import { z } from 'zod';
import type { GuestSpec } from '../backends/emulated/guests/index.js';

const megabytes = (what: string) =>
  z
    .number()
    .positive()
    .max(2 ** 20)
    .describe(`MiB ${what}`);
const rateMBps = z.number().positive().max(1e6).optional().describe('MiB a second; default: as fast as it can');
const milliseconds = (what: string, min: number) =>
  z.number().min(min).max(60_000).optional().describe(`milliseconds ${what}`);

export const Guest = z.discriminatedUnion('program', [
  z.strictObject({ program: z.literal('idle'), tickMs: milliseconds('between ticks; default: 10', 0.01) }),
  z.strictObject({ program: z.literal('hot-set'), hotMB: megabytes('that it rewrites over and over'), rateMBps }),
  z.strictObject({
    program: z.literal('memtester'),
    regionMB: megabytes('that it tests; default: all it has').optional(),
    rateMBps,
  }),
  z.strictObject({
    program: z.literal('zipf'),
    regionMB: megabytes('that it writes to; default: all it has').optional(),
    rateMBps,
  }),
  z.strictObject({
    program: z.literal('allocator'),
    peakMB: megabytes('allocated at the peak; default: half of what it has').optional(),
    rateMBps,
    restMs: milliseconds('of rest when all is freed; default: 1000', 0),
  }),
  z.strictObject({ program: z.literal('churner'), rateMBps }),
]) satisfies z.ZodType<GuestSpec>;
export type Guest = z.output<typeof Guest>;
export type GuestProgram = Guest['program'];

export interface GuestParameter {
  readonly name: string;
  readonly required: boolean;
  /** Unit, meaning, default. */
  readonly meaning: string;
}

const PARAMETERS = new Map(Guest.options.map(({ shape }) => [shape.program.value, parametersOf(shape)]));

export const GUEST_PROGRAMS: readonly GuestProgram[] = [...PARAMETERS.keys()];

export function guestParameters(program: GuestProgram): readonly GuestParameter[] {
  return PARAMETERS.get(program) ?? [];
}

function parametersOf(shape: Readonly<Record<string, z.ZodType>>): GuestParameter[] {
  return Object.entries(shape)
    .filter(([name]) => name !== 'program')
    .map(([name, field]) => {
      const inner = field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field;
      return { name, required: inner === field, meaning: field.description ?? inner.description ?? '' };
    });
}
