/** From what went wrong to a MigrationError that says where the domain is and what to do. */
import { MigrationError, type MigrationErrorCode, reasonOf } from '../errors.js';
import { ChannelError } from '../io/channel.js';
import { isDisconnect } from '../stream/index.js';

export function resumeFailed(domid: number, reason: string, cause: unknown, settled?: Promise<void>): MigrationError {
  return new MigrationError('RESUME_FAILED', `domain ${domid} could not be resumed after: ${reason}`, {
    survivor: 'none',
    domid,
    cause,
    remedy: 'it is still suspended here with all of its memory: resume it by hand, or destroy it',
    settled,
  });
}

/** The destination gave its copy up before it ever ran. */
export function neverRan(error: unknown): boolean {
  return error instanceof MigrationError && error.survivor === 'source';
}

export function afterHandover(error: unknown, domid: number): MigrationError {
  if (error instanceof MigrationError) return error;
  return new MigrationError('POSTCOPY_BROKEN', `stage 3 of domain ${domid} failed: ${reasonOf(error)}`, {
    survivor: 'destination',
    domid,
    cause: error,
    remedy: 'do not destroy the domain here: the destination still needs its pages',
  });
}

export function beforeHandover(
  cancelled: boolean,
  cause: unknown,
  domid: number,
  settled?: Promise<void>,
): MigrationError {
  if (cause instanceof MigrationError && !cancelled) {
    const { survivor, remedy } = cause;
    return new MigrationError(cause.code, cause.message, { survivor, remedy, domid, cause: cause.cause, settled });
  }
  const code: MigrationErrorCode = cancelled ? 'CANCELLED' : isDisconnect(cause) ? 'STREAM_FAILED' : 'SOURCE_FAILED';
  const what = cancelled ? 'was cancelled' : `failed: ${reasonOf(cause)}`;
  return new MigrationError(code, `the migration of domain ${domid} ${what}; it runs on here`, {
    survivor: 'source',
    domid,
    cause,
    remedy: cancelled ? 'migrate again whenever you like' : 'mend what the reason names and migrate again',
    settled,
  });
}

export function noWayBack(domid: number): MigrationError {
  return new MigrationError(
    'NO_RETURN_CHANNEL',
    'post-copy needs connections from the destination back to the source',
    {
      survivor: 'source',
      domid,
      remedy: 'use --strategy precopy for a file or a one-way pipe',
    },
  );
}

/** The connection broke, by the transport's finding rather than by our own patience. */
export function isBroken(error: unknown): boolean {
  return isDisconnect(error) && !(error instanceof ChannelError && error.code === 'STALLED');
}
