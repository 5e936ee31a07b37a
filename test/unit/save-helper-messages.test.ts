import {
  completeMessage,
  logMessage,
  progressMessage,
  restoreResultsMessage,
  staticDataDoneMessage,
  suspendMessage,
  switchQemuLogDirtyMessage,
} from '../../src/libxl/save-helper/message.js';
import { decodeMessages } from '../support/libxl-peer.js';

const decoded = (bytes: Buffer) => {
  const { messages, rest } = decodeMessages(bytes);
  expect(rest).toHaveLength(0);
  expect(messages).toHaveLength(1);
  return messages[0];
};

test('bytes of a message, packed and little-endian', () => {
  expect(completeMessage(-1, 28).toString('hex')).toBe('0a000a00ffffffff1c000000');
  expect(suspendMessage().toString('hex')).toBe('02000300');
});

test.each([
  ['log', logMessage(8, 28, 'xenferry', 'no room'), 1, [8, 28, 'xenferry', 'no room']],
  ['log without an errno', logMessage(1, undefined, 'c', 't'), 1, [1, -1, 'c', 't']],
  ['progress', progressMessage('xenferry', 'Frames', 5, 2 ** 40), 2, ['xenferry', 'Frames', 5n, 1n << 40n]],
  ['suspend', suspendMessage(), 3, []],
  ['switch_qemu_logdirty', switchQemuLogDirtyMessage(7, true), 7, [7, 1]],
  ['static_data_done', staticDataDoneMessage(3), 8, [3]],
  ['restore_results', restoreResultsMessage(0xfeffc, 0xfefff), 9, [0xfeffcn, 0xfefffn]],
  ['complete', completeMessage(0, 0), 10, [0, 0]],
])('%s', (_name, bytes, type, args) => {
  expect(decoded(bytes)).toEqual({ type, args });
});

test('a text is one line and does not end early', () => {
  expect(decoded(logMessage(8, 5, 'xenferry', 'one\ntwo\0three')).args[3]).toBe('one two three');
});

test('a text longer than a message stays within it, in whole characters', () => {
  const { args } = decoded(logMessage(8, 5, 'xenferry', '\u20ac'.repeat(40_000)));
  expect(String(args[3])).toMatch(/^\u20ac+$/);
});
