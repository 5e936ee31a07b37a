import { PAGE_SIZE } from '../../backend.js';
import { Reg } from '../registers.js';
import type { Boot } from './program.js';

const MIB = 1024 * 1024;

/** Guest time that one page takes at this vCPU's share of `mbps` MiB a second; 0 (unpaced) if left out. */
export function usPerPage(mbps: number | undefined, boot: Boot): number {
  return mbps === undefined ? 0 : (PAGE_SIZE / MIB / mbps) * 1e6 * boot.vcpus;
}

/** This vCPU's share of `megabytes` of heap, in pages, at least 1; all of it if left out. Throws RangeError if `keep` other pages leave less. */
export function sharePages(megabytes: number | undefined, boot: Boot, keep = 0): number {
  const room = boot.u32[Reg.HEAP_PAGES] - keep;
  if (room < 1) throw new RangeError('the guest is too small for this program: give it more memory');
  if (megabytes === undefined) return room;
  const pages = Math.max(1, Math.round((megabytes * MIB) / PAGE_SIZE / boot.vcpus));
  if (pages <= room) return pages;
  const most = Math.floor((room * boot.vcpus * PAGE_SIZE) / MIB);
  throw new RangeError(`${megabytes} MiB do not fit: its programs can use ${most} MiB of its memory`);
}
