/** What the destination tells the source of stage 3, as the note of DONE: JSON, since only people and reports read it. */
import { z } from 'zod';
import type { Stage3Report } from './report.js';

/** The part of the report that only the destination can know. */
export type Stage3Note = Pick<
  Stage3Report,
  'missingPages' | 'faults' | 'droppedPages' | 'faultLatencyMs' | 'blockedMs' | 'reconnects'
>;

const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();

const schema = z.object({
  missingPages: count,
  faults: count,
  droppedPages: count,
  faultLatencyMs: z.object({ p50: ms, p99: ms, max: ms }),
  blockedMs: z.array(ms).max(8192),
  reconnects: count,
});

const NOTHING: Stage3Note = {
  missingPages: 0,
  faults: 0,
  droppedPages: 0,
  faultLatencyMs: { p50: 0, p99: 0, max: 0 },
  blockedMs: [],
  reconnects: 0,
};

export function encodeStage3Note(note: Stage3Note): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(note));
}

/** A note that makes no sense spoils the statistics, not the migration: the memory has arrived. */
export function decodeStage3Note(body: Uint8Array): Stage3Note {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return NOTHING;
  }
}
