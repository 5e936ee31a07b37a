import { PAGE_SIZE } from '../../backend.js';
import { Reg } from '../registers.js';
import type { Boot } from './program.js';

const MIB = 1024 * 1024;

/** Guest time that one page takes at this vCPU's share of `mbps` MiB a second; 0 (unpaced) if left out. */
export function usPerPage(mbps: number | undefined, boot: Boot): number {
  return mbps === undefined ? 0 : (PAGE_SIZE / MIB / mbps) * 1e6 * boot.vcpus;
}

/** This vCPU's share of `megabytes` of heap, in pages: at least 1, at most what `keep` other pages leave. */
export function sharePages(megabytes: number | undefined, boot: Boot, keep = 0): number {
  const room = boot.u32[Reg.HEAP_PAGES] - keep;
  if (room < 1) throw new RangeError('the guest is too small for this program: give it more memory');
  if (megabytes === undefined) return room;
  return Math.max(1, Math.min(room, Math.round((megabytes * MIB) / PAGE_SIZE / boot.vcpus)));
}
