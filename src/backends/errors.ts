/**
 * Errors of the contract. Callers match on `code`; `errno` keeps what the hypervisor said, untouched;
 * `cause` keeps the error underneath. Every code has an entry in docs/errors.md, and a test holds the
 * two lists equal.
 */

/** Every code a backend may throw, with its one-line meaning. docs/errors.md adds the remedy. */
export const BACKEND_ERROR_CODES = {
  NOT_SUPPORTED: 'this backend, hypervisor build or kind of domain cannot do what was asked',
  NO_SUCH_DOMAIN: 'no domain has this domid',
  DOMAIN_DYING: 'the domain is being destroyed',
  INVALID_ARGUMENT: 'an argument is out of range or of the wrong shape',
  INVALID_STATE: 'the domain is not in a state that allows this',
  BUSY: 'another operation holds the domain, or the page is in use',
  NO_MEMORY: 'the host has too little free memory',
  BAD_BUFFER: 'a buffer is too small for what it must hold',
  BAD_GFN: 'a gfn is out of range or not mapped',
  BAD_STATE_RECORD: 'a CPU or platform record cannot be restored here',
  SUSPEND_FAILED: 'the guest did not suspend',
  CLOSED: 'the backend or handle has been closed',
  HYPERVISOR: 'the hypervisor reported an error with no better name here; see errno',
} as const;

export type BackendErrorCode = keyof typeof BACKEND_ERROR_CODES;

/** errno values used across the contract (Linux and Xen numbering, which agree on these). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const;

export interface BackendErrorDetails {
  /** The domain it happened to. */
  domid?: number;
  /** errno of the failing call, kept as it came. */
  errno?: number;
  /** What the reader should do about it. */
  remedy?: string;
  cause?: unknown;
}

/** An error of a hypervisor backend. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly domid?: number;
  readonly errno?: number;
  readonly remedy?: string;

  constructor(
    readonly code: BackendErrorCode,
    message: string,
    details: BackendErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.domid = details.domid;
    this.errno = details.errno;
    this.remedy = details.remedy;
  }
}
