import { BackendError, Errno } from '../../backend.js';
import type { XenControl } from '../libs/xenctrl.js';

/** The highest domid there can be (DOMID_FIRST_RESERVED - 1); Xen counts up to it before it begins again, so it is hardly ever used. */
const NOBODY = 0x7fef;

/**
 * Whether this Xen has memory paging, undefined if that cannot be told: a paging operation on a domain that is not there. Where it was
 * compiled in, the domain is looked for first (ESRCH; ENODEV should it exist after all and have no ring); where not, the operation is
 * not known (xen/arch/x86/x86_64/mm.c, subarch_memory_op).
 */
export function pagingBuiltIn(control: XenControl): boolean | undefined {
  if (control.domainInfo(NOBODY)) return undefined;
  try {
    control.run('probe', 'xc_mem_paging_nominate', NOBODY, [NOBODY, 0]);
    return undefined;
  } catch (error) {
    const errno = error instanceof BackendError ? error.errno : undefined;
    if (errno === Errno.ESRCH) return true;
    return errno === Errno.ENOSYS || errno === Errno.EOPNOTSUPP ? false : undefined;
  }
}
