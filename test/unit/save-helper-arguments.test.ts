import { ArgumentError, parseArguments } from '../../src/libxl/save-helper/arguments.js';

const SAVE = ['--save-domain', '15', '11', '1', '1', '136', '0'];
const RESTORE = ['--restore-domain', '11', '20', '2', '1', '0', '2', '0', '768', '0'];

const replaced = (argv: readonly string[], at: number, value: string): string[] => argv.with(at, value);

test('a save, as xl migrate asks for it', () => {
  expect(parseArguments(SAVE)).toEqual({
    side: 'save',
    streamFd: 15,
    domid: 1,
    live: true,
    debug: false,
    callbacks: 136,
    streamType: 'plain',
  });
});

test('a restore, as xl migrate-receive asks for it', () => {
  expect(parseArguments(RESTORE)).toEqual({
    side: 'restore',
    streamFd: 11,
    domid: 2,
    storePort: 1,
    storeDomid: 0,
    consolePort: 2,
    consoleDomid: 0,
    callbacks: 768,
    streamType: 'plain',
  });
});

test('the flags of a save', () => {
  expect(parseArguments(replaced(SAVE, 4, '0'))).toMatchObject({ live: false, debug: false });
  expect(parseArguments(replaced(SAVE, 4, '3'))).toMatchObject({ live: true, debug: true });
});

test('checkpointed streams are told apart', () => {
  expect(parseArguments(replaced(SAVE, 6, '1'))).toMatchObject({ streamType: 'remus' });
  expect(parseArguments(replaced(RESTORE, 9, '2'))).toMatchObject({ streamType: 'colo' });
});

test('the back channel may be missing, as a negative number', () => {
  expect(parseArguments(replaced(SAVE, 2, '-1'))).toMatchObject({ domid: 1 });
});

test.each([
  ['nothing', [], /no mode/],
  ['another mode', ['--dump'], /no mode --dump/],
  ['too few', SAVE.slice(0, -1), /6 arguments are needed behind the mode, 5 were given/],
  ['too many', [...RESTORE, '0'], /9 arguments are needed/],
  ['a descriptor of the protocol', replaced(SAVE, 1, '1'), /fd is 1/],
  ['a negative descriptor', replaced(SAVE, 1, '-1'), /fd is "-1"/],
  ['a domid that is reserved', replaced(SAVE, 3, '32752'), /domid is "32752"/],
  ['a hexadecimal number', replaced(SAVE, 3, '0x1'), /domid is "0x1"/],
  ['an empty number', replaced(SAVE, 3, ''), /domid is ""/],
  ['unknown flags', replaced(SAVE, 4, '4'), /xcflags 4/],
  ['a stream type that is not known', replaced(SAVE, 6, '3'), /stream_type is "3"/],
])('%s is refused', (_what, argv, says) => {
  expect(() => parseArguments(argv)).toThrow(ArgumentError);
  expect(() => parseArguments(argv)).toThrow(says);
});
