import { mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordedSets } from '../../../src/libxl/stage3/recorded-sets.js';
import { MOST_RUNS, type RecordedSet, SetRecorder } from '../../../src/migrate/recorded-set.js';
import { PushCursor } from '../../../src/migrate/send/push-cursor.js';
import { decodeRecordedSet, encodeRecordedSet } from '../../../src/migrate/stream/index.js';

const NONE = { first: 0, count: 0 };

describe('a set that is recorded', () => {
  it('has the windows of what was asked for, then what was known, each page once', () => {
    const recorder = new SetRecorder([{ first: 100, count: 10 }], 1000);
    recorder.add(105, { first: 105, count: 16 });
    recorder.add(300, { first: 290, count: 11 });
    recorder.add(295, { first: 295, count: 4 });
    recorder.add(7, NONE);
    expect(recorder.set()).toEqual([
      { first: 290, count: 11 },
      { first: 7, count: 1 },
      { first: 100, count: 10 },
    ]);
  });

  it('records the page, where the window lies elsewhere or is larger than any of ours', () => {
    const recorder = new SetRecorder([], 100_000);
    recorder.add(5, { first: 10, count: 4 });
    recorder.add(20, { first: 20, count: 60_000 });
    expect(recorder.set()).toEqual([
      { first: 5, count: 1 },
      { first: 20, count: 1 },
    ]);
  });

  it('never has more runs than fit, and keeps the new ones', () => {
    const known = Array.from({ length: MOST_RUNS }, (_, i) => ({ first: i, count: 1 }));
    const recorder = new SetRecorder(known, 100_000);
    for (const gfn of [50_000, 50_001]) recorder.add(gfn, NONE);
    const expected = [{ first: 50_000, count: 1 }, { first: 50_001, count: 1 }, ...known.slice(0, -2)];
    expect(recorder.set()).toEqual(expected);
    for (let gfn = 60_000; gfn < 60_000 + 2 * MOST_RUNS; gfn++) recorder.add(gfn, NONE);
    expect(recorder.set().length).toBe(MOST_RUNS);
  });
});

describe('as bytes', () => {
  it('comes back as it was', () => {
    const set: RecordedSet = [
      { first: 7, count: 1 },
      { first: 4096, count: 128 },
    ];
    expect(decodeRecordedSet(encodeRecordedSet(set), 5000)).toEqual(set);
  });

  it('loses what the domain does not have, what is empty, and what is larger than any window', () => {
    const strange = [
      { first: 4999, count: 2 },
      { first: 0xffff_ffff, count: 1 },
      { first: 1, count: 0 },
      { first: 1, count: 0xffff_ffff },
      { first: 4999, count: 1 },
    ];
    expect(decodeRecordedSet(encodeRecordedSet(strange), 5000)).toEqual([{ first: 4999, count: 1 }]);
    expect(decodeRecordedSet(new Uint8Array(7), 5000)).toEqual([]);
  });
});

it('is pushed first, in its order; a window round a missing page goes before it', () => {
  const cursor = new PushCursor(new Uint8Array(1000).fill(0xff), 8000);
  cursor.expect([
    { first: 500, count: 3 },
    { first: 200, count: 2 },
    { first: 900, count: 20 },
  ]);
  cursor.faultAt(4000, 4);
  const first = cursor.take(256);
  expect(first.why).toBe('prepull');
  expect([...first.gfns]).toEqual([4000, 4001, 4002, 4003, 500, 501, 502, 200, 201, 900, 901, 902, 903, 904, 905, 906]);
  expect([...cursor.take(256).gfns]).toEqual(Array.from({ length: 13 }, (_, i) => 907 + i));
  expect(cursor.take(256)).toMatchObject({ why: 'push' });
});

describe('files of sets', () => {
  const UUID = '0f3c9e0a-1111-4222-8333-444455556666';
  const folder = (): string => mkdtempSync(join(tmpdir(), 'xenferry-sets-'));

  it('are read as they were written, until the next', () => {
    const sets = new RecordedSets(join(folder(), 'not', 'there'));
    expect(sets.read(UUID)).toEqual([]);
    sets.write(UUID, [{ first: 3, count: 4 }]);
    sets.write(UUID, [{ first: 5, count: 6 }]);
    expect(sets.read(UUID)).toEqual([{ first: 5, count: 6 }]);
  });

  it('are none where they are too long, or the name is none', () => {
    const path = folder();
    const sets = new RecordedSets(path);
    writeFileSync(join(path, UUID), new Uint8Array(1 << 20));
    expect(sets.read(UUID)).toEqual([]);
    expect(sets.read('../../etc/passwd')).toEqual([]);
    sets.write('../escaped', [{ first: 1, count: 1 }]);
    expect(readdirSync(path)).toEqual([UUID]);
  });

  it('make room for the newest', () => {
    const path = folder();
    for (let i = 0; i < 300; i++) {
      writeFileSync(join(path, `old-${i}`), '');
      utimesSync(join(path, `old-${i}`), i + 1, i + 1);
    }
    new RecordedSets(path).write(UUID, [{ first: 1, count: 1 }]);
    const left = readdirSync(path);
    expect(left.length).toBe(256);
    expect(left).toContain(UUID);
    expect(left).toContain('old-299');
    expect(left).not.toContain('old-44');
  });
});
