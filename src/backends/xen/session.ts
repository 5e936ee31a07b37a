/** One backend's open handles, and what every part of a domain shares. */

import type { PvOps, XenOps } from '../../native/index.js';
import { BackendError, Errno } from '../backend.js';
import { xenError } from './libs/errors.js';
import { Libraries } from './libs/libraries.js';
import { type RawDomainInfo, XenControl } from './libs/xenctrl.js';
import { ForeignMemoryLibrary, xenOps } from './libs/xenforeignmemory.js';
import { XenStore } from './libs/xenstore.js';

export class Session {
  readonly libraries = Libraries.find();
  readonly ops: XenOps & PvOps = xenOps();
  private readonly onClose = new Set<() => void>();
  private opened: { control: XenControl; foreign?: ForeignMemoryLibrary; store?: XenStore } | undefined;

  constructor() {
    this.opened = { control: new XenControl(this.libraries) };
  }

  get control(): XenControl {
    return this.open.control;
  }

  get foreign(): ForeignMemoryLibrary {
    this.open.foreign ??= new ForeignMemoryLibrary(this.libraries);
    return this.open.foreign;
  }

  get store(): XenStore {
    this.open.store ??= new XenStore(this.libraries);
    return this.open.store;
  }

  /** The domain as it is now. `CLOSED`, or `NO_SUCH_DOMAIN`: also for a dead one whose pages somebody still maps. */
  domain(domid: number): RawDomainInfo {
    const info = this.control.domainInfo(domid);
    if (!info || info.dying) throw xenError({ what: 'there is no such domain', errno: Errno.ESRCH, domid });
    return info;
  }

  /** `release` is called when the backend closes, unless the function returned is called before. */
  hold(release: () => void): () => void {
    this.onClose.add(release);
    return () => this.onClose.delete(release);
  }

  close(): void {
    if (!this.opened) return;
    for (const release of [...this.onClose]) release();
    const { control, foreign, store } = this.opened;
    this.opened = undefined;
    foreign?.close();
    store?.close();
    control.close();
  }

  private get open(): NonNullable<typeof this.opened> {
    if (this.opened) return this.opened;
    throw new BackendError('CLOSED', 'the backend has been closed', { remedy: 'open another' });
  }
}
