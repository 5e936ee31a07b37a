import { BackendError } from '../../backend.js';

/** MUST 37: a record that cannot be what it says it is. */
export function badRecord(domid: number, type: number, why: string, cause?: unknown): BackendError {
  return new BackendError('BAD_STATE_RECORD', `domain ${domid}: state record of type 0x${type.toString(16)}: ${why}`, {
    domid,
    cause,
    remedy: 'the stream is damaged, or comes from a Xen whose format this version does not know: send it again',
  });
}
