import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { type MigrateCommand, migrateArgs, receiveCommand, remoteScript } from '../../../src/libxl/xl/command.js';
import { quote } from '../../../src/libxl/xl/quote.js';

const SSH = { kind: 'ssh', sshCommand: 'ssh', host: 'root@b.example' } as const;
const COMMAND: MigrateCommand = { domid: 7, receiver: SSH, receiverHelper: '/opt/xenferry/helper', paused: false };

test('xl is given the whole command of the receiver, with the helper for the other end', () => {
  expect(migrateArgs(COMMAND)).toEqual([
    'migrate',
    '-s',
    '',
    '7',
    "exec ssh root@b.example 'env LIBXL_SAVE_HELPER=/opt/xenferry/helper xl migrate-receive'",
  ]);
});

test("libxl's own helper receives where none is named", () => {
  expect(receiveCommand({ ...COMMAND, receiverHelper: undefined })).toBe(
    "exec ssh root@b.example 'xl migrate-receive'",
  );
});

test('paused is said to both ends: with an empty -s, xl does not pass it on', () => {
  const args = migrateArgs({ ...COMMAND, paused: true });
  expect(args.slice(0, 2)).toEqual(['migrate', '-p']);
  expect(args.at(-1)).toMatch(/xl migrate-receive -p'$/);
});

test('a command of one’s own gets the helper by its environment, and not the events of the sender', () => {
  const receiver = { kind: 'command', command: 'nc b 99' } as const;
  expect(receiveCommand({ ...COMMAND, receiver })).toBe(
    'unset XENFERRY_EVENTS; export LIBXL_SAVE_HELPER=/opt/xenferry/helper; nc b 99',
  );
  expect(receiveCommand({ ...COMMAND, receiver, receiverHelper: undefined })).toBe(
    'unset XENFERRY_EVENTS; unset LIBXL_SAVE_HELPER; nc b 99',
  );
});

test('prepull is the receiver’s business', () => {
  const prepull = { ...COMMAND, prepull: '16' };
  expect(receiveCommand(prepull)).toContain(
    "'env LIBXL_SAVE_HELPER=/opt/xenferry/helper XENFERRY_PREPULL=16 xl migrate-receive'",
  );
  expect(receiveCommand({ ...prepull, receiver: { kind: 'command', command: 'nc b 99' } })).toMatch(
    /; export XENFERRY_PREPULL=16; nc b 99$/,
  );
  expect(receiveCommand({ ...prepull, receiverHelper: undefined })).not.toContain('PREPULL');
});

/** What ssh does: it joins its arguments, and the login shell over there reads them. Words come back one a line. */
const FAKE_SSH = `sh -c 'shift; sh -c "$*"' ssh`;

test('a path with any characters survives both shells', () => {
  const receiverHelper = `/opt/a b/it's "$HOME" \`x\`;&|*\\`;
  const line = receiveCommand({ ...COMMAND, receiver: { ...SSH, sshCommand: FAKE_SSH }, receiverHelper });
  const printed = line.replace('xl migrate-receive', 'printenv LIBXL_SAVE_HELPER');
  expect(execFileSync('sh', ['-c', printed], { encoding: 'utf8' })).toBe(`${receiverHelper}\n`);
});

test('a script survives both shells', () => {
  const line = remoteScript({ ...SSH, sshCommand: FAKE_SSH }, `x='a b'\necho "$x" 'c"d' | tr a z`);
  expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe('z b c"d\n');
});

test('any word is one word to a shell', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...` '"$\`\\;&|<>(){}[]*?~#!\n\täx`) }), (word) => {
      expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' })).toBe(word);
    }),
    { numRuns: 30 },
  );
});
