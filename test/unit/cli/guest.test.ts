import { guestHelp, guestOf } from '../../../src/cli/guest.js';
import { GUEST_PROGRAMS, Guest, guestParameters } from '../../../src/host/guest.js';

const wrong = (message: string): Error => expect.objectContaining({ exit: 'USAGE', message }) as Error;

test('what is missing, unknown or out of range is said by the name of its option', () => {
  expect(() => guestOf('hot-set', {})).toThrow(wrong('hot-set needs hotMB: --guest-option hotMB=64'));
  expect(() => guestOf('hot-set', { hot: 64 })).toThrow(wrong('hot-set has no option hot; it has hotMB, rateMBps'));
  expect(() => guestOf('hot-set', { hotMB: -1 })).toThrow(wrong(expect.stringContaining('--guest-option hotMB: ')));
  expect(guestOf('hot-set', { hotMB: 64, rateMBps: 5 })).toEqual({ program: 'hot-set', hotMB: 64, rateMBps: 5 });
});

test('the help has every option of every program, its unit and its default', () => {
  const help = guestHelp();
  expect(GUEST_PROGRAMS).toHaveLength(Guest.options.length);
  for (const program of GUEST_PROGRAMS) {
    expect(help).toContain(program);
    const schema = Guest.options.find(({ shape }) => shape.program.value === program);
    const parameters = guestParameters(program);
    expect(['program', ...parameters.map(({ name }) => name)]).toEqual(Object.keys(schema?.shape ?? {}));
    for (const { name, meaning, required } of parameters) {
      expect(help).toMatch(new RegExp(`${name} +${meaning.replaceAll(/[?.()]/g, '.')}`));
      expect([name, meaning]).toEqual([name, expect.stringMatching(/^(MiB|milliseconds) /)]);
      expect([name, meaning.includes('default')]).toEqual([name, !required]);
    }
  }
});
