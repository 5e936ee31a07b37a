import { EXIT_CODES, exitCode, exitCodeHelp, exitOf } from '../../../src/cli/exit-codes.js';
import { HOST_ERROR_CODES, type HostErrorCode } from '../../../src/host/errors.js';
import { MIGRATION_ERROR_CODES } from '../../../src/migrate/errors.js';

test('the numbers are fixed, and each is documented', () => {
  const numbers = Object.fromEntries(Object.entries(EXIT_CODES).map(([name, [code]]) => [name, code]));
  expect(numbers).toEqual({
    OK: 0,
    INTERNAL: 1,
    USAGE: 2,
    NO_SUCH_DOMAIN: 3,
    REFUSED: 4,
    MIGRATION_FAILED: 5,
    FAILED_AFTER_HANDOVER: 6,
    CANCELLED: 7,
    UNREACHABLE: 8,
    UNAUTHORIZED: 9,
    NOT_VERIFIED: 10,
    BAD_FILE: 11,
    DETACHED: 12,
    NO_XEN: 13,
    NOT_READY: 14,
    INTERRUPTED: 130,
  });
  for (const [code, meaning] of Object.values(EXIT_CODES)) expect(exitCodeHelp()).toContain(`${code}  ${meaning}`);
});

test('every error of a host ends the command with another status than 0', () => {
  for (const code of Object.keys(HOST_ERROR_CODES) as HostErrorCode[]) {
    expect(exitCode(exitOf(code, undefined, 'source'))).toBeGreaterThan(0);
  }
});

test('a failed migration says by its status whether the domain runs at the source', () => {
  for (const detail of Object.keys(MIGRATION_ERROR_CODES)) {
    expect(exitOf('MIGRATION', detail, 'source')).toBe(detail === 'CANCELLED' ? 'CANCELLED' : 'MIGRATION_FAILED');
    if (detail === 'CANCELLED') continue;
    for (const survivor of ['destination', 'unknown', 'none'])
      expect(exitOf('MIGRATION', detail, survivor)).toBe('FAILED_AFTER_HANDOVER');
  }
  expect(exitOf('DESTINATION_REFUSED', 'UNAUTHORIZED')).toBe('UNAUTHORIZED');
});
