/** The lab's types of guests, as the suite is to know them. */
import type { GuestType, PagingMode } from '../../../src/backends/backend.js';
import type { Ability } from '../../conformance/index.js';

export type Type = 'pv' | 'pvh';

/** PVH guests run with hardware-assisted paging; PV guests come under shadow paging when log-dirty is turned on. */
export const MODES: Readonly<Record<Type, { guestType: GuestType; modes: readonly PagingMode[] }>> = {
  pvh: { guestType: 'hvm', modes: ['hap'] },
  pv: { guestType: 'pv', modes: ['shadow'] },
};

export function lacksOf(type: Type): Partial<Record<Ability, string>> {
  if (type === 'pvh')
    return {
      dropMissing: 'Xen 4.17 refuses a guest that gives away a page that is paged out (XENMEM_decrease_reservation)',
    };
  const why = 'the P2M and the page tables of a PV guest are its kernel’s; it takes a driver in that kernel';
  return { balloon: why, takePages: why };
}
