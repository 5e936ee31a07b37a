/** What a domain was made of. It travels with the domain, as xl's configuration does, so that any host can run a control of it. */
import { z } from 'zod';
import type { ContentSpec } from '../backends/emulated/contents.js';
import { Guest } from './guest.js';

const share = z.number().min(0).max(1).optional();

const Content = z.strictObject({
  kind: z.enum(['files', 'random']).optional(),
  zeroShare: share,
  duplicateShare: share,
  neverPopulatedShare: share,
  balloonedShare: share,
}) satisfies z.ZodType<ContentSpec>;

export const DomainName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'a name has 1 to 64 letters, digits, dots, dashes or underscores')
  // Commands take a name or a domid.
  .regex(/\D/, 'a name of digits alone would be taken for a domid');

export const DomainConfig = z.strictObject({
  name: DomainName,
  memoryMB: z
    .int()
    .min(1)
    .max(2 ** 20),
  vcpus: z.int().min(1).max(32).default(1),
  pagingMode: z.enum(['shadow', 'hap']).optional(),
  /** Of the initial content of memory and of the guest's random numbers. */
  seed: z.int().min(0).max(0xffffffff).default(1),
  guest: Guest.default({ program: 'idle' }),
  content: Content.optional(),
});
export type DomainConfig = z.output<typeof DomainConfig>;

/** Pages that a domain of this configuration may have. */
export function maxPagesOf({ memoryMB }: DomainConfig): number {
  return memoryMB * 256;
}
