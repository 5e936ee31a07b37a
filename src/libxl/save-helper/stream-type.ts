import { BackendError } from '../../backends/backend.js';
import type { StreamType } from './arguments.js';

/** @throws BackendError NOT_SUPPORTED for checkpointed streams */
export function assertPlain(type: StreamType): void {
  if (type === 'plain') return;
  const name = type === 'remus' ? 'Remus' : 'COLO';
  throw new BackendError('NOT_SUPPORTED', `${name} (checkpoints that go on for ever) is not supported`, {
    remedy: 'unset LIBXL_SAVE_HELPER at both ends to use libxl-save-helper for it',
  });
}
