/** libxenevtchn: an event channel of this process's, bound to one that somebody has opened in a domain. */
import { closeSync, writeSync } from 'node:fs';
import type { FdOps } from '../../../native/index.js';
import { xenError } from './errors.js';
import { isNull, lastErrno } from './ffi.js';
import type { Libraries } from './libraries.js';

/** What /dev/xen/evtchn gives for an event: the number of its port. */
const PORT_BYTES = 4;
const CANCEL = new Uint8Array(new BigUint64Array([1n]).buffer);

export class EventChannel {
  private readonly library;
  private readonly handle: Buffer;
  private readonly fd: number;
  private readonly port: number;
  private readonly cancel: number;
  private readonly listening: Promise<void>;

  /**
   * `onEvent` is called for each event, or for several at once; it must not throw.
   * @throws BackendError where there is no such port
   */
  constructor(
    libraries: Libraries,
    private readonly ops: FdOps,
    domid: number,
    remotePort: number,
    private readonly onEvent: () => void,
  ) {
    this.library = libraries.get('libxenevtchn');
    this.handle = this.library.call<Buffer>('xenevtchn_open', null, 0);
    if (isNull(this.handle)) throw xenError({ what: 'event channels cannot be opened', errno: lastErrno(), domid });
    this.port = this.library.call<number>('xenevtchn_bind_interdomain', this.handle, domid, remotePort);
    if (this.port < 0) {
      const errno = lastErrno();
      this.library.call('xenevtchn_close', this.handle);
      throw xenError({ what: `its event channel ${remotePort} cannot be bound`, errno, domid });
    }
    this.fd = this.library.call<number>('xenevtchn_fd', this.handle);
    this.cancel = ops.fdCancel();
    this.listening = this.listen();
  }

  /** Tells the other end. */
  notify(): void {
    this.library.call('xenevtchn_notify', this.handle, this.port);
  }

  async close(): Promise<void> {
    writeSync(this.cancel, CANCEL);
    await this.listening;
    closeSync(this.cancel);
    this.library.call('xenevtchn_unbind', this.handle, this.port);
    this.library.call('xenevtchn_close', this.handle);
  }

  /** A port that has been read is masked until it is unmasked; what comes before that comes again. */
  private async listen(): Promise<void> {
    const port = new Uint8Array(PORT_BYTES);
    for (;;) {
      const [bytes, errno] = await this.ops.fdRead(this.fd, this.cancel, [port], true);
      if (errno !== 0 || bytes !== PORT_BYTES) return;
      this.library.call('xenevtchn_unmask', this.handle, this.port);
      this.onEvent();
    }
  }
}
