/** libxenforeignmemory: a domain's pages in this process. The mapping itself is done in native/, off the event loop. */

import { type Addon, loadAddon, type XenOps } from '../../../native/index.js';
import { type Access, BackendError, Errno, type Mapping } from '../../backend.js';
import { xenError } from './errors.js';
import { addressOf, isNull, lastErrno, type SharedLibrary } from './ffi.js';
import type { Libraries } from './libraries.js';

const NOTHING = new Uint8Array(0);

/** The addon; there is no other way to memory that JavaScript cannot reach. */
export function xenOps(): Addon {
  const addon = loadAddon();
  if (addon) return addon;
  throw new BackendError('NOT_SUPPORTED', 'the native addon has not been built, and the Xen backend needs it', {
    remedy: 'install g++, make and Python 3, and run "npm run build:native"',
  });
}

/** Mappings of this process that have not been unmapped. */
export const mappingsOpen = (): number => xenOps().mappingsOpen();

export class ForeignMemoryLibrary {
  private readonly library: SharedLibrary;
  private readonly addresses: { readonly map: number; readonly unmap: number };
  private handle: Buffer | undefined;
  private readonly live = new Set<Mapping>();

  constructor(
    libraries: Libraries,
    private readonly ops: XenOps,
  ) {
    this.library = libraries.get('libxenforeignmemory');
    this.addresses = {
      map: this.library.address('xenforeignmemory_map2'),
      unmap: this.library.address('xenforeignmemory_unmap'),
    };
    this.handle = this.library.call<Buffer>('xenforeignmemory_open', null, 0);
    if (!isNull(this.handle)) return;
    this.handle = undefined;
    throw xenError({ what: 'cannot open the interface to foreign memory', errno: lastErrno() });
  }

  /**
   * `frames`: gfns of an HVM domain, mfns of a PV domain. Rejects only where nothing can be mapped of a domain at all, with the
   * errno; a page that cannot be mapped has its errno in `errors`. `spare` pages of this process's own lie at the end of `base`.
   */
  async map(domid: number, frames: Uint32Array | BigUint64Array, access: Access, spare = 0): Promise<Mapping> {
    const { map, unmap } = this.addresses;
    const handle = addressOf(this.open);
    const pages = await this.ops.mapForeign(map, unmap, handle, domid, access === 'write', frames, spare);
    const { buffer, region, slots, errors, failed, errno } = pages;
    // EINVAL is what holes are told, be it one or all of a batch.
    if (!buffer && errno !== 0 && errno !== Errno.EINVAL)
      throw xenError({ what: `${frames.length} of its pages cannot be mapped`, errno, domid });
    const letGo = (): void => {
      if (this.live.delete(mapping) && buffer) this.ops.unmapForeign(buffer, region);
    };
    const base = buffer ? new Uint8Array(buffer) : NOTHING;
    const mapping: Mapping = { base, slots, errors, failed, unmap: letGo, [Symbol.dispose]: letGo };
    this.live.add(mapping);
    if (!this.handle) {
      // Closed meanwhile: nobody else will.
      letGo();
      throw new BackendError('CLOSED', 'the backend has been closed', { remedy: 'open another' });
    }
    return mapping;
  }

  /** What is still mapped is unmapped: the process may hold pages of a domain for as long as it lives otherwise. */
  close(): void {
    for (const mapping of [...this.live]) mapping.unmap();
    if (this.handle) this.library.call('xenforeignmemory_close', this.handle);
    this.handle = undefined;
  }

  private get open(): Buffer {
    if (!this.handle) throw new BackendError('CLOSED', 'the backend has been closed', { remedy: 'open another' });
    return this.handle;
  }
}
