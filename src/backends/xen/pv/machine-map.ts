/** Xen's own table from machine frames to the frame numbers of the domains that own them (M2P). */
import { BackendError, type Mapping } from '../../backend.js';
import { xenError } from '../libs/errors.js';
import type { Session } from '../session.js';

/** Pages of Xen's own are mapped under this domid. */
const DOMID_XEN = 0x7ff2;
/** The table lies in superpages; xc_machphys_mfn_list gives the first frame of each. */
const PAGES_PER_CHUNK = 512;
const BYTES_PER_CHUNK = PAGES_PER_CHUNK * 4096;
const BYTES_PER_ENTRY = 8;
/** As long as an array of JavaScript's can be: 2 TiB of RAM. */
const MAX_BYTES = 2 ** 32;

export interface MachineMap {
  readonly frames: BigUint64Array;
  readonly mapping: Mapping;
}

export async function mapMachineFrames(session: Session): Promise<MachineMap> {
  const { control, foreign } = session;
  const count = Buffer.alloc(8);
  control.run('the size of this host’s memory cannot be read', 'xc_maximum_ram_page', undefined, [count]);
  const nrFrames = Number(count.readBigUInt64LE());
  if (nrFrames * BYTES_PER_ENTRY > MAX_BYTES) {
    throw new BackendError('NOT_SUPPORTED', 'PV domains of a host with more than 2 TiB of memory cannot be moved', {
      remedy: 'migrate it with Xen’s own helper (unset LIBXL_SAVE_HELPER), or run the guest as PVH',
    });
  }
  const chunks = Math.ceil((nrFrames * BYTES_PER_ENTRY) / BYTES_PER_CHUNK);
  const mapping = await foreign.map(DOMID_XEN, chunkFrames(session, chunks), 'read');
  if (mapping.failed > 0) {
    mapping.unmap();
    throw xenError({
      what: 'Xen’s table of machine frames cannot be mapped',
      errno: mapping.errors.find(Boolean) ?? 0,
    });
  }
  return { frames: new BigUint64Array(mapping.base.buffer as ArrayBuffer, 0, nrFrames), mapping };
}

function chunkFrames({ control }: Session, chunks: number): BigUint64Array {
  const starts = Buffer.alloc(8 * chunks);
  control.run('Xen’s table of machine frames cannot be found', 'xc_machphys_mfn_list', undefined, [chunks, starts]);
  const frames = new BigUint64Array(chunks * PAGES_PER_CHUNK);
  for (let i = 0; i < frames.length; i++) {
    frames[i] = starts.readBigUInt64LE(8 * Math.floor(i / PAGES_PER_CHUNK)) + BigInt(i % PAGES_PER_CHUNK);
  }
  return frames;
}
