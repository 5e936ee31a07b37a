/** The shared libraries of the Xen that runs here, opened when first used. */
import { existsSync } from 'node:fs';
import { BackendError, type HypervisorVersion } from '../../backend.js';
import { hypervisorVersion, unstableNames } from './abi.js';
import { SharedLibrary } from './ffi.js';

const STABLE: Readonly<Record<string, readonly string[]>> = {
  libxenforeignmemory: ['libxenforeignmemory.so.1'],
  libxencall: ['libxencall.so.1'],
  libxenevtchn: ['libxenevtchn.so.1'],
  libxenstore: ['libxenstore.so.4', 'libxenstore.so.3.0'],
};

export type LibraryName =
  | 'libxenctrl'
  | 'libxenguest'
  | 'libxenforeignmemory'
  | 'libxencall'
  | 'libxenevtchn'
  | 'libxenstore'
  | 'libc';

export class Libraries {
  private readonly open = new Map<LibraryName, SharedLibrary>();

  private constructor(readonly version: HypervisorVersion) {}

  /** `NOT_SUPPORTED` on a machine that is no dom0. */
  static find(): Libraries {
    const version = hypervisorVersion();
    if (!version) {
      throw new BackendError('NOT_SUPPORTED', 'no Xen hypervisor runs under this machine', {
        remedy: 'run this in dom0, or use the emulated backend: "xenferry demo" shows it',
      });
    }
    if (!existsSync('/dev/xen/privcmd')) {
      throw new BackendError('NOT_SUPPORTED', 'there is no /dev/xen/privcmd', {
        remedy: 'run this in dom0 (not in a guest), and load the module: modprobe xen-privcmd',
      });
    }
    return new Libraries(version);
  }

  get(name: LibraryName): SharedLibrary {
    let library = this.open.get(name);
    if (!library) {
      library = this.openLibrary(name);
      this.open.set(name, library);
    }
    return library;
  }

  private openLibrary(name: LibraryName): SharedLibrary {
    const names = name === 'libc' ? [null] : (STABLE[name] ?? unstableNames(name, this.version));
    const library = SharedLibrary.open(names);
    if (library) return library;
    const { major, minor } = this.version;
    throw new BackendError('NOT_SUPPORTED', `none of ${names.join(', ')} can be loaded`, {
      remedy: `install the libraries of Xen ${major}.${minor} (Debian: libxenmisc${major}.${minor}, libxenstore4)`,
    });
  }
}
