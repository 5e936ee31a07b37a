/** Any thrown value → the HostError that the API answers with. */
import { BackendError } from '../backends/backend.js';
import { MigrationError } from '../migrate/errors.js';
import { ChannelError } from '../migrate/io/channel.js';
import { BindRefusedError } from '../transport/index.js';
import { HostError, type HostErrorCode } from './errors.js';

/** Backend codes that have a name of their own here. */
const BACKEND_CODES: Partial<Record<BackendError['code'], HostErrorCode>> = {
  NO_SUCH_DOMAIN: 'NO_SUCH_DOMAIN',
  INVALID_ARGUMENT: 'BAD_REQUEST',
  BUSY: 'BUSY',
  NOT_SUPPORTED: 'REFUSED',
  NO_MEMORY: 'REFUSED',
};

export function asHostError(error: unknown, domain?: string): HostError {
  if (error instanceof HostError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MigrationError) {
    const { code: detail, remedy, survivor } = error;
    return new HostError('MIGRATION', message, { domain, detail, remedy, survivor, cause: error });
  }
  if (error instanceof BackendError) {
    const { code: detail, remedy } = error;
    return new HostError(BACKEND_CODES[error.code] ?? 'BACKEND', message, { domain, detail, remedy, cause: error });
  }
  if (error instanceof ChannelError) {
    return new HostError('DESTINATION_UNREACHABLE', message, { domain, detail: error.code, cause: error });
  }
  if (error instanceof BindRefusedError) return new HostError('REFUSED', message, { domain, cause: error });
  return new HostError('INTERNAL', message, { domain, cause: error });
}
