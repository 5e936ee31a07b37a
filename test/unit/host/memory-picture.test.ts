import { MemoryPicture } from '../../../src/host/memory-picture.js';
import type { MigrationEvent, RoundReport } from '../../../src/migrate/report.js';

const NR_GFNS = 64 * 32;
const CELL_PAGES = NR_GFNS / 64;
const ROUND: RoundReport = {
  ...{ round: 0, ms: 1, dirtyPages: 0, pagesSent: 0, elidedPages: 0, skippedPages: 0, deferredPages: 0 },
  ...{ bytesSent: 0, faultCount: 0, final: false },
};

const gfnsOf = (first: number, cells: number): Uint32Array =>
  Uint32Array.from({ length: cells * CELL_PAGES }, (_, i) => first * CELL_PAGES + i);

function lacking(first: number, cells: number): MigrationEvent {
  const bitmap = new Uint8Array(NR_GFNS / 8);
  bitmap.fill(0xff, (first * CELL_PAGES) / 8, ((first + cells) * CELL_PAGES) / 8);
  return { at: 0, type: 'lacking', bitmap, nrGfns: NR_GFNS };
}

const sent = (first: number, cells: number, why: 'round' | 'push' = 'round'): MigrationEvent => ({
  at: 0,
  type: 'pages',
  gfns: gfnsOf(first, cells),
  why,
});

const TO_STAGE3: MigrationEvent = { at: 0, type: 'state', from: 'handover', to: 'stage3' };
const PROGRESS: MigrationEvent = {
  ...{ at: 0, type: 'progress', state: 'stage1' },
  progress: { fraction: 0, pagesSent: 0, bytesSent: 0, bytesPerSecond: 0 },
};

function drawnAfter(...events: MigrationEvent[]): string {
  let drawn = '';
  const picture = new MemoryPicture((cells) => {
    drawn = cells;
  });
  for (const event of [...events, PROGRESS]) picture.observe(event);
  expect(drawn).toHaveLength(64);
  return drawn;
}

const row = (...parts: [character: string, cells: number][]): string =>
  parts.map(([character, cells]) => character.repeat(cells)).join('');

test('the full copy goes through the memory', () => {
  expect(drawnAfter(lacking(0, 64))).toBe(row(['.', 64]));
  expect(drawnAfter(lacking(0, 64), sent(0, 10))).toBe(row(['s', 10], ['.', 54]));
});

test('what was not sent by its end went as a type', () => {
  const end: MigrationEvent = { at: 0, type: 'round', round: ROUND };
  expect(drawnAfter(lacking(0, 64), sent(0, 10), end)).toBe(row(['s', 64]));
});

test('pages are written since, and sent again', () => {
  const copy = [lacking(0, 64), sent(0, 64), lacking(5, 10)];
  expect(drawnAfter(...copy)).toBe(row(['s', 5], ['d', 10], ['s', 49]));
  expect(drawnAfter(...copy, sent(5, 4))).toBe(row(['s', 9], ['d', 6], ['s', 49]));
});

test('in stage 3 they are missing, and arrive', () => {
  const copy = [lacking(0, 64), sent(0, 64), lacking(5, 10), TO_STAGE3];
  expect(drawnAfter(...copy)).toBe(row(['s', 5], ['m', 10], ['s', 49]));
  expect(drawnAfter(...copy, sent(7, 3, 'push'))).toBe(row(['s', 5], ['m', 2], ['a', 3], ['m', 5], ['s', 49]));
});

test('a cell is what most of its pages are', () => {
  const page = (gfn: number): MigrationEvent => ({ at: 0, type: 'pages', gfns: Uint32Array.of(gfn), why: 'round' });
  expect(drawnAfter(lacking(0, 64), page(3))).toBe(row(['.', 64]));
});
