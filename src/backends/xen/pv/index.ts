import { BackendError, type ForeignMemory, type PlatformState } from '../../backend.js';
import type { Origin } from '../domain.js';
import type { Session } from '../session.js';
import type { Rings } from '../wiring.js';

export interface PvParts {
  readonly memory: ForeignMemory;
  readonly state: PlatformState & { readonly missing: number; readonly rings: Rings };
}

export function pvParts(_session: Session, domid: number, _origin: Origin): PvParts {
  throw new BackendError('NOT_SUPPORTED', `domain ${domid}: PV domains are not handled yet`, {
    domid,
    remedy: 'use PVH',
  });
}
