/** What can be wrong before `xl migrate` is started. docs/errors.md has an entry for each code, held equal by a test. */

export const XL_ERROR_CODES = {
  NO_XEN: 'this machine is no Xen control domain',
  XL_MISSING: 'xl is not here, or it does not work',
  NO_SUCH_DOMAIN: 'no domain has this name or domid',
  NOT_SUPPORTED: 'this domain, this Xen or this release cannot do what was asked',
  PCI_DEVICES: 'the domain has PCI devices of this host',
  NO_HELPER: 'the save helper cannot be run here',
  DESTINATION_UNREACHABLE: 'the other host could not be reached, or did not answer',
  DESTINATION_REFUSED: 'the other host was reached and cannot receive the domain',
} as const;

export type XlErrorCode = keyof typeof XL_ERROR_CODES;

/** A migration by xl that was refused before anything was touched: the domain runs as before. */
export class XlError extends Error {
  override readonly name = 'XlError';

  constructor(
    readonly code: XlErrorCode,
    message: string,
    /** What to do about it. */
    readonly remedy: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
