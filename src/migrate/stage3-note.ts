/** What the destination tells the source of stage 3, as the note of DONE: JSON, since only people and reports read it. */
import type { Stage3Report } from './report.js';

/** The part of the report that only the destination can know. */
export type Stage3Note = Pick<
  Stage3Report,
  'runs' | 'evictionMs' | 'missingPages' | 'faults' | 'droppedPages' | 'faultLatencyMs' | 'blockedMs' | 'reconnects'
>;

const NOTHING: Stage3Note = {
  runs: false,
  evictionMs: 0,
  missingPages: 0,
  faults: 0,
  droppedPages: 0,
  faultLatencyMs: { p50: 0, p99: 0, max: 0 },
  blockedMs: [],
  reconnects: 0,
};

/** More than any domain has. */
const MOST_VCPUS = 8192;

export function encodeStage3Note(note: Stage3Note): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(note));
}

/** A note that makes no sense spoils the statistics, not the migration: the memory has arrived. */
export function decodeStage3Note(body: Uint8Array): Stage3Note {
  try {
    return checked(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return NOTHING;
  }
}

/** By hand: a library for it takes longer to load than all of the engine. @throws TypeError, RangeError */
function checked({
  runs,
  evictionMs,
  missingPages,
  faults,
  droppedPages,
  faultLatencyMs,
  blockedMs,
  reconnects,
}: Stage3Note): Stage3Note {
  const { p50, p99, max } = faultLatencyMs;
  if (!Array.isArray(blockedMs) || blockedMs.length > MOST_VCPUS) throw new RangeError('blockedMs');
  if (![missingPages, faults, droppedPages, reconnects].every(isCount)) throw new RangeError('a count');
  if (typeof runs !== 'boolean') throw new TypeError('runs');
  if (![evictionMs, p50, p99, max, ...blockedMs].every(isMs)) throw new RangeError('a duration');
  return {
    runs,
    evictionMs,
    missingPages,
    faults,
    droppedPages,
    faultLatencyMs: { p50, p99, max },
    blockedMs,
    reconnects,
  };
}

const isMs = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
