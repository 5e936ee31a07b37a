/** The note of DONE comes from the peer: what makes no sense in it must not get into a report. */
import { decodeStage3Note, encodeStage3Note, type Stage3Note } from '../../../src/migrate/stage3-note.js';

const NOTE: Stage3Note = {
  runs: true,
  evictionMs: 1.5,
  missingPages: 3,
  faults: 2,
  droppedPages: 1,
  faultLatencyMs: { p50: 0.5, p99: 1.5, max: 2 },
  blockedMs: [1, 0, 2.25],
  reconnects: 4,
};
const NOTHING = decodeStage3Note(new Uint8Array(0));

const asJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test('what was encoded is decoded, and nothing besides', () => {
  expect(decodeStage3Note(encodeStage3Note(NOTE))).toEqual(NOTE);
  expect(decodeStage3Note(asJson({ ...NOTE, extra: 1 }))).toEqual(NOTE);
});

test.each<[string, unknown]>([
  ['no object', 7],
  ['null', null],
  ['a field missing', { ...NOTE, faults: undefined }],
  ['a negative count', { ...NOTE, faults: -1 }],
  ['half a page', { ...NOTE, missingPages: 0.5 }],
  ['a count as text', { ...NOTE, reconnects: '4' }],
  ['a latency as text', { ...NOTE, faultLatencyMs: { p50: '1', p99: 1, max: 1 } }],
  ['a latency missing', { ...NOTE, faultLatencyMs: { p50: 1, max: 1 } }],
  ['no latencies', { ...NOTE, faultLatencyMs: null }],
  ['a vCPU that waited less than nothing', { ...NOTE, blockedMs: [-1] }],
  ['no list of vCPUs', { ...NOTE, blockedMs: { length: 1 } }],
  ['vCPUs without end', { ...NOTE, blockedMs: new Array(8193).fill(0) }],
])('%s: statistics of nothing', (_, note) => {
  expect(decodeStage3Note(asJson(note))).toEqual(NOTHING);
  expect(NOTHING).toMatchObject({ missingPages: 0, faults: 0, blockedMs: [] });
});

test('bytes that are no JSON: the same', () => {
  expect(decodeStage3Note(Uint8Array.of(0xff, 0x7b))).toEqual(NOTHING);
});
