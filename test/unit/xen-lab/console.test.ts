import { complaints, END_OF_LOG, readConsole } from '../../xen-lab/steps/support/console.js';

test('a console that counts on is without complaint', () => {
  const told = readConsole('pattern pages 1 hot 0\r\nok 1\r\nok 2\npass 1\nok 3\n');
  expect(told).toMatchObject({ last: 3, missing: [], twice: [] });
  expect(complaints(told)).toEqual([]);
});

test('lines that a restore cut off or swallowed are made good by those said again', () => {
  const told = readConsole('ok 1\nok 2\nok 3\nok gap 412.5 suspended 398.0\nagain 2\nagain 3\nagain 4\nok 5\n');
  expect(complaints(told)).toEqual([]);
  expect(told.suspensions).toEqual([{ gapMs: 412.5, suspendedMs: 398 }]);
});

test('a line that has not ended yet does not count', () => {
  expect(readConsole('ok 1\nok 2\nok 1')).toMatchObject({ last: 2, twice: [] });
  expect(readConsole('ok 9\nok 10\nok 1').last).toBe(10);
});

test('the cut end of a log is not joined to the next log', () => {
  const told = readConsole('ok 1\nok 2\n\0ok 3\nok 1\0ok 4\n\0');
  expect(told).toMatchObject({ last: 4, missing: [], twice: [] });
  expect(readConsole(['ok 1\nok ', '2\n'].join(END_OF_LOG)).last).toBe(1);
});

test('half a line about memory that is wrong counts', () => {
  expect(complaints(readConsole('ok 1\nCORRUPT pa\0ok 2\n'))).toEqual(['CORRUPT pa']);
});

test.each([
  ['a gap', 'ok 1\nok 2\nok 4\n', 'lacks ok 3'],
  ['a number said twice', 'ok 1\nok 2\nok 2\n', 'twice ok 2'],
  ['memory that is not what it was', 'ok 1\nCORRUPT page 7 gfn 0x1c: index 7\n', 'CORRUPT page 7'],
])('%s is complained of', (_, log, says) => {
  expect(complaints(readConsole(log)).join('\n')).toContain(says);
});

test('a gap without a suspend is no downtime', () => {
  expect(readConsole('ok 1\ngap 385.0 suspended 0.0\n').suspensions).toEqual([]);
});
