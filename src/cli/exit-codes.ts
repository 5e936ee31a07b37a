/** What the command's exit status says. Scripts rely on these: they never change their meaning. */
import type { HostErrorCode } from '../host/errors.js';
import type { XlErrorCode } from '../libxl/xl/errors.js';

export const EXIT_CODES = {
  OK: [0, 'done'],
  INTERNAL: [1, 'an unexpected error: please report it'],
  USAGE: [2, 'the command line, or a value on it, is wrong'],
  NO_SUCH_DOMAIN: [3, 'the host has no such domain (or migration)'],
  REFUSED: [
    4,
    'the host refused: the domain is busy, its name is taken, it was handed over or cannot be moved, or there is no room',
  ],
  MIGRATION_FAILED: [5, 'the migration failed before the handover: the domain runs on at the source'],
  FAILED_AFTER_HANDOVER: [
    6,
    'the migration failed, and the domain does not run at the source: the message says who has it',
  ],
  CANCELLED: [7, 'the migration was cancelled: the domain runs on at the source'],
  UNREACHABLE: [8, 'a host cannot be reached'],
  UNAUTHORIZED: [9, 'the bearer token is missing or wrong'],
  NOT_VERIFIED: [10, "the domain's memory differs from that of its control"],
  BAD_FILE: [11, 'the file is no saved domain, or it is damaged'],
  DETACHED: [12, 'interrupted twice: the migration goes on unwatched'],
  NO_XEN: [13, 'this machine is no Xen control domain: the emulated backend is what runs here'],
  NOT_READY: [14, 'this dom0 lacks something that a migration needs: xenferry doctor says what'],
  INTERRUPTED: [130, 'ended by Ctrl-C before a migration was asked for; any other request may have been carried out'],
} as const satisfies Record<string, readonly [code: number, meaning: string]>;

export type ExitName = keyof typeof EXIT_CODES;

export function exitCode(name: ExitName): number {
  return EXIT_CODES[name][0];
}

/** Of a status that another command ended with. */
export function exitName(code: number): ExitName {
  const names = Object.keys(EXIT_CODES) as ExitName[];
  return names.find((name) => exitCode(name) === code) ?? 'INTERNAL';
}

/** Where a host's error code alone decides. */
const BY_HOST_CODE: Record<Exclude<HostErrorCode, 'MIGRATION'>, ExitName> = {
  BAD_REQUEST: 'USAGE',
  UNAUTHORIZED: 'UNAUTHORIZED',
  NO_SUCH_DOMAIN: 'NO_SUCH_DOMAIN',
  NO_SUCH_MIGRATION: 'NO_SUCH_DOMAIN',
  NAME_TAKEN: 'REFUSED',
  BUSY: 'REFUSED',
  DEPARTED: 'REFUSED',
  HANDED_OVER: 'REFUSED',
  REFUSED: 'REFUSED',
  SHUTTING_DOWN: 'REFUSED',
  DESTINATION_UNREACHABLE: 'UNREACHABLE',
  DESTINATION_REFUSED: 'REFUSED',
  BACKEND: 'INTERNAL',
  BAD_SAVE_FILE: 'BAD_FILE',
  INTERNAL: 'INTERNAL',
};

const BY_XL_CODE: Record<XlErrorCode, ExitName> = {
  NO_XEN: 'NO_XEN',
  XL_MISSING: 'NOT_READY',
  NO_HELPER: 'NOT_READY',
  NO_SUCH_DOMAIN: 'NO_SUCH_DOMAIN',
  NOT_SUPPORTED: 'REFUSED',
  PCI_DEVICES: 'REFUSED',
  DESTINATION_UNREACHABLE: 'UNREACHABLE',
  DESTINATION_REFUSED: 'REFUSED',
};

export function exitOfXl(code: XlErrorCode): ExitName {
  return BY_XL_CODE[code];
}

export function exitOf(code: HostErrorCode, detail?: string, survivor?: string): ExitName {
  if (code === 'DESTINATION_REFUSED' && detail === 'UNAUTHORIZED') return 'UNAUTHORIZED';
  if (code !== 'MIGRATION') return BY_HOST_CODE[code];
  if (detail === 'CANCELLED') return 'CANCELLED';
  return survivor === 'source' ? 'MIGRATION_FAILED' : 'FAILED_AFTER_HANDOVER';
}

/** For `xenferry exit-codes`, and its help. */
export function exitCodeHelp(): string {
  return Object.values(EXIT_CODES)
    .map(([code, meaning]) => `${String(code).padStart(4)}  ${meaning}`)
    .join('\n');
}
