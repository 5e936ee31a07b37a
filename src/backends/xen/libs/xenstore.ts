/** libxenstore: names of domains, and the request to suspend. */
import { BackendError, Errno } from '../../errors.js';
import { xenError } from './errors.js';
import { isNull, lastErrno, memoryAt, type SharedLibrary } from './ffi.js';
import type { Libraries } from './libraries.js';

/** XBT_NULL: outside of a transaction. */
const NO_TRANSACTION = 0;

export class XenStore {
  private readonly library: SharedLibrary;
  private readonly libc: SharedLibrary;
  private handle: Buffer | undefined;

  constructor(libraries: Libraries) {
    this.library = libraries.get('libxenstore');
    this.libc = libraries.get('libc');
    this.handle = this.library.call<Buffer>('xs_open', 0);
    if (!isNull(this.handle)) return;
    this.handle = undefined;
    throw xenError({
      what: 'cannot reach xenstore',
      errno: lastErrno(),
      remedy: 'run this as root in dom0, with xenstored running (Debian: service xen)',
    });
  }

  /** Undefined where there is no such key. */
  read(path: string, transaction = NO_TRANSACTION): string | undefined {
    const length = Buffer.alloc(4);
    const value = this.library.call<Buffer>('xs_read', this.open, transaction, path, length);
    if (isNull(value)) {
      const errno = lastErrno();
      if (errno === Errno.ENOENT) return undefined;
      throw xenError({ what: `cannot read ${path} in xenstore`, errno });
    }
    const text = memoryAt(value, length.readUInt32LE()).toString('utf8');
    this.libc.call('free', value);
    return text;
  }

  write(path: string, value: string, transaction = NO_TRANSACTION): void {
    const bytes = Buffer.from(value);
    if (this.library.call<boolean>('xs_write', this.open, transaction, path, bytes, bytes.length)) return;
    throw xenError({ what: `cannot write ${path} in xenstore`, errno: lastErrno() });
  }

  /** Writes `value` where `expected` stands, and nothing where something else does by now. Returns whether it has. */
  exchange(path: string, expected: string, value: string): boolean {
    for (;;) {
      const transaction = this.library.call<number>('xs_transaction_start', this.open);
      if (transaction === NO_TRANSACTION)
        throw xenError({ what: 'xenstore begins no transaction', errno: lastErrno() });
      let found: boolean;
      try {
        found = this.read(path, transaction) === expected;
        if (found) this.write(path, value, transaction);
      } catch (error) {
        this.endTransaction(transaction, true);
        throw error;
      }
      if (this.endTransaction(transaction, !found)) return found;
      const errno = lastErrno();
      if (errno !== Errno.EAGAIN) throw xenError({ what: `cannot change ${path} in xenstore`, errno });
    }
  }

  /** Tells xenstored that a domain that had shut down to suspend runs again. */
  resumeDomain(domid: number): void {
    if (this.library.call<boolean>('xs_resume_domain', this.open, domid)) return;
    throw xenError({ what: 'xenstored cannot be told that it runs again', errno: lastErrno(), domid });
  }

  close(): void {
    if (this.handle) this.library.call('xs_close', this.handle);
    this.handle = undefined;
  }

  private endTransaction(transaction: number, abort: boolean): boolean {
    return this.library.call<boolean>('xs_transaction_end', this.open, transaction, abort);
  }

  private get open(): Buffer {
    if (!this.handle)
      throw new BackendError('CLOSED', 'the connection to xenstore has been closed', {
        remedy: 'open another backend',
      });
    return this.handle;
  }
}
