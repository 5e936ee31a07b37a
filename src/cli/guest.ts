/** `--guest` and `--guest-option`, checked before anything is asked of a host. */
import { GUEST_PROGRAMS, Guest, type GuestProgram, guestParameters } from '../host/guest.js';
import { CliError } from './failure.js';

const EXAMPLE = 64;

/** Throws a CliError `USAGE` that names the option. */
export function guestOf(program: GuestProgram, given: Readonly<Record<string, number>>): Guest {
  const known = guestParameters(program);
  const names = known.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new CliError('USAGE', `${program} has no option ${unknown}; it has ${names.join(', ')}`);
  const missing = known.find(({ name, required }) => required && !(name in given));
  if (missing)
    throw new CliError(
      'USAGE',
      `${program} needs ${missing.name}: --guest-option ${missing.name}=${EXAMPLE}`,
      `${missing.name}: ${missing.meaning}`,
    );
  const { data, error } = Guest.safeParse({ program, ...given });
  if (data) return data;
  const [{ path, message }] = error.issues;
  throw new CliError('USAGE', `--guest-option ${path.join('.')}: ${message}`);
}

/** For `create --help`. */
export function guestHelp(): string {
  const rows = GUEST_PROGRAMS.flatMap((program) =>
    guestParameters(program).map(
      ({ name, required, meaning }, i) =>
        `  ${(i === 0 ? program : '').padEnd(10)} ${name.padEnd(9)} ${meaning}${required ? '; needed' : ''}`,
    ),
  );
  return ['Guest programs and their options (--guest-option NAME=NUMBER):', ...rows].join('\n');
}
