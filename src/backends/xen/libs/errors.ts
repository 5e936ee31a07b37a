/** From errno to the contract's codes. */
import { BackendError, type BackendErrorCode, Errno } from '../../errors.js';

const CODES: Readonly<Record<number, BackendErrorCode>> = {
  [Errno.ESRCH]: 'NO_SUCH_DOMAIN',
  [Errno.EBUSY]: 'BUSY',
  [Errno.ENOMEM]: 'NO_MEMORY',
  [Errno.E2BIG]: 'NO_MEMORY',
  [Errno.EFAULT]: 'BAD_BUFFER',
  [Errno.EOPNOTSUPP]: 'NOT_SUPPORTED',
  [Errno.ENOSYS]: 'NOT_SUPPORTED',
};

const REMEDIES: Readonly<Record<number, string>> = {
  [Errno.ESRCH]: 'see "xl list" for the domains that exist',
  [Errno.EPERM]: 'run this as root in dom0',
  [Errno.ENOMEM]: 'free memory on this host, e.g. with "xl mem-set 0 ..." or by stopping a domain',
  [Errno.ENOSYS]: 'this hypervisor was built without it: "xenferry doctor" says what is there',
  [Errno.EOPNOTSUPP]: 'this hypervisor or kind of domain has no such thing: "xenferry doctor" says what is there',
};

export interface Failure {
  /** What was tried, as in "cannot map 3 pages". */
  readonly what: string;
  readonly errno: number;
  readonly domid?: number;
  /** For an errno that means something particular to this call. */
  readonly code?: BackendErrorCode;
  readonly remedy?: string;
}

export function xenError({ what, errno, domid, code, remedy }: Failure): BackendError {
  const of = domid === undefined ? '' : `domain ${domid}: `;
  const known = Object.entries(Errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  return new BackendError(code ?? CODES[errno] ?? 'HYPERVISOR', `${of}${what} (${known})`, {
    domid,
    errno,
    remedy: remedy ?? REMEDIES[errno],
  });
}
