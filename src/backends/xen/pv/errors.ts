import { BackendError } from '../../errors.js';

/** What a stream says of a PV domain and cannot be. */
export function badRecord(domid: number, message: string): BackendError {
  return new BackendError('BAD_STATE_RECORD', `domain ${domid}: ${message}`, {
    domid,
    remedy: 'the stream is damaged, or from a version that this one does not know: migrate again',
  });
}

/** What a running PV guest shows of itself and cannot be. */
export function badGuest(domid: number, message: string): BackendError {
  return new BackendError('HYPERVISOR', `domain ${domid}: ${message}`, {
    domid,
    remedy:
      'the guest’s kernel describes its memory wrongly, or changed it just now: try again, and reboot it if that does not help',
  });
}

/** 32-bit guests: three levels, another layout of everything, and no kernel since Linux 5.8. */
export function not64Bit(domid: number): BackendError {
  return new BackendError('NOT_SUPPORTED', `domain ${domid} is a 32-bit PV guest, and only 64-bit ones can be moved`, {
    domid,
    remedy: 'migrate it with Xen’s own helper (unset LIBXL_SAVE_HELPER), or run a 64-bit kernel in it',
  });
}

/** A guest that runs keeps the table of its pages itself. */
export function notByToolstack(domid: number): BackendError {
  return new BackendError('NOT_SUPPORTED', `domain ${domid}: a PV guest that runs gives and takes pages itself`, {
    domid,
    remedy: 'ask its balloon: xl mem-set',
  });
}
