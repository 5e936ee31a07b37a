import { BackendError } from '../../backends/backend.js';
import { loadAddon, type StandbyOps } from '../../native/index.js';

/** @throws BackendError where it has not been built, or is older than its sources. */
export function standbyOps(): StandbyOps {
  const addon = loadAddon();
  if (addon && 'standbyListen' in addon) return addon;
  throw new BackendError('NOT_SUPPORTED', 'the native addon has not been built for this', {
    remedy: 'run npm run build:native in the package of xenferry, on Linux; it needs g++, make and Python 3',
  });
}
