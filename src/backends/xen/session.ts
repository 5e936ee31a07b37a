/** One backend's open handles, and what every part of a domain shares. */

import type { FdOps, PagingOps, PvOps, XenOps } from '../../native/index.js';
import { BackendError, Errno } from '../backend.js';
import { xenError } from './libs/errors.js';
import { Libraries } from './libs/libraries.js';
import { type RawDomainInfo, XenControl } from './libs/xenctrl.js';
import { ForeignMemoryLibrary, xenOps } from './libs/xenforeignmemory.js';
import { XenStore } from './libs/xenstore.js';

export class Session {
  readonly libraries = Libraries.find();
  /** Work off the event loop that is under way. It uses what close() closes. */
  private readonly running = new Set<Promise<unknown>>();
  readonly ops: XenOps & PagingOps & PvOps & FdOps = watched(xenOps(), this.running);
  private readonly onClose = new Set<() => void>();
  private closing: Promise<void> | undefined;
  private refuses = false;
  private opened: { control: XenControl; foreign?: ForeignMemoryLibrary; store?: XenStore } | undefined;

  constructor() {
    this.opened = { control: new XenControl(this.libraries) };
  }

  get control(): XenControl {
    return this.open.control;
  }

  get foreign(): ForeignMemoryLibrary {
    this.open.foreign ??= new ForeignMemoryLibrary(this.libraries, this.ops);
    return this.open.foreign;
  }

  get store(): XenStore {
    this.open.store ??= new XenStore(this.libraries);
    return this.open.store;
  }

  /** Opens and binds what would be when it is first needed. */
  prepare(): void {
    for (const name of ['libxenctrl', 'libxenguest', 'libxenforeignmemory', 'libxenstore', 'libc'] as const)
      this.libraries.get(name).bindAll();
    void [this.foreign, this.store];
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

  /** Refuses what is asked from now on, waits for what is under way, then releases everything. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.refuses = true;
    while (this.running.size > 0) await Promise.allSettled(this.running);
    this.refuses = false;
    try {
      for (const release of [...this.onClose]) release();
    } finally {
      const { control, foreign, store } = this.open;
      this.opened = undefined;
      foreign?.close();
      store?.close();
      control.close();
    }
  }

  private get open(): NonNullable<typeof this.opened> {
    if (this.opened && !this.refuses) return this.opened;
    throw new BackendError('CLOSED', 'the backend has been closed', { remedy: 'open another' });
  }
}

type Call = (...args: readonly unknown[]) => unknown;

/** The same functions; what they promise is in `running` until it settles. */
function watched<T extends object>(ops: T, running: Set<Promise<unknown>>): T {
  const wrapped = Object.entries(ops).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const call: Call = (...args) => {
      const result: unknown = (value as Call)(...args);
      if (result instanceof Promise) {
        running.add(result);
        const done = (): boolean => running.delete(result);
        result.then(done, done);
      }
      return result;
    };
    return [name, call];
  });
  return Object.fromEntries(wrapped) as T;
}
