/** Any error → what libxl is told of it. */
import { getSystemErrorMap } from 'node:util';
import { BackendError, type BackendErrorCode, Errno } from '../../backends/backend.js';
import { MigrationError, StreamError } from '../../migrate/index.js';
import type { HelperFailure } from './events.js';

const EIO = 5;
const ETIMEDOUT = 110;
const ENODATA = 61;
const ECONNRESET = 104;
const ENOSPC = 28;
const EPIPE = 32;

/** For an error that brings no errno of its own. */
const BY_CODE: Partial<Record<BackendErrorCode, number>> = {
  NOT_SUPPORTED: Errno.EOPNOTSUPP,
  NO_SUCH_DOMAIN: Errno.ESRCH,
  DOMAIN_DYING: Errno.EINVAL,
  INVALID_ARGUMENT: Errno.EINVAL,
  INVALID_STATE: Errno.EINVAL,
  BUSY: Errno.EBUSY,
  NO_MEMORY: Errno.ENOMEM,
  BAD_STATE_RECORD: Errno.EINVAL,
  SUSPEND_FAILED: ETIMEDOUT,
};

export interface Failure extends HelperFailure {
  /** Positive; libxl prints its text. */
  readonly errno: number;
}

/** For a stream that breaks: what is at its other end is not ours to see. */
const BY_ERRNO: Readonly<Record<number, string>> = {
  [ENOSPC]: 'make room where it is being saved to, or save elsewhere',
  [EPIPE]: 'the other end has gone: what it said before, there or above, is the reason',
  [ECONNRESET]: 'the other end has gone: what it said before, there or above, is the reason',
};

export function failureOf(error: unknown): Failure {
  const told = innermostOf(error);
  const errno = errnoOf(error) ?? EIO;
  const { code, remedy } = told as { code?: unknown; remedy?: unknown };
  return {
    code: typeof code === 'string' ? code : told.name,
    message: told.message,
    remedy: typeof remedy === 'string' ? remedy : BY_ERRNO[errno],
    errno,
  };
}

/** The engine's errors wrap the one that names the matter and its remedy best, and do not know that libxl has the last word. */
function innermostOf(error: unknown): Error {
  const thrown = error instanceof Error ? error : new Error(String(error));
  const { cause } = thrown;
  return thrown instanceof MigrationError && cause instanceof Error ? innermostOf(cause) : thrown;
}

function errnoOf(error: unknown): number | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { errno, code } = at as NodeJS.ErrnoException;
    if (typeof errno === 'number' && errno !== 0) return Math.abs(errno);
    if (at instanceof StreamError) return at.code === 'TRUNCATED' ? ENODATA : Errno.EINVAL;
    const known = BY_CODE[code as BackendErrorCode];
    if (at instanceof BackendError && known !== undefined) return known;
  }
  return undefined;
}

/** "ENOSPC, no space left on device". */
export function errnoText(errno: number): string {
  const known = getSystemErrorMap().get(-errno);
  return known ? `${known[0]}, ${known[1]}` : `errno ${errno}`;
}
