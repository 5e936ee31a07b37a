/** libxenevtchn: an event channel of this process's, bound to one that somebody has opened in a domain. */
import { readSync, writeSync } from 'node:fs';
import type { FdOps } from '../../../native/index.js';
import { xenError } from './errors.js';
import { isNull, lastErrno } from './ffi.js';
import type { Libraries } from './libraries.js';

/** What /dev/xen/evtchn gives for an event, and takes to unmask it: the number of its port (Linux include/uapi/xen/evtchn.h). */
const PORT_BYTES = 4;

export class EventChannel {
  private readonly library;
  private readonly handle: Buffer;
  private readonly fd: number;
  private readonly port: number;
  private readonly stopListening: () => void;

  /**
   * `onEvent` is called for each event, or for several at once; it must not throw.
   * @throws BackendError where there is no such port
   */
  constructor(
    libraries: Libraries,
    ops: FdOps,
    private readonly domid: number,
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
    this.stopListening = ops.fdWatch(this.fd, (errno) => this.take(errno));
  }

  /** Tells the other end. */
  notify(): void {
    this.library.call('xenevtchn_notify', this.handle, this.port);
  }

  close(): void {
    this.stopListening();
    this.library.call('xenevtchn_unbind', this.handle, this.port);
    this.library.call('xenevtchn_close', this.handle);
  }

  /**
   * A port that has been read is masked until it is unmasked; what comes before that comes again. Whoever can listen no more must not
   * go on as if there were nothing to hear: what this throws ends the process.
   */
  private take(errno: number): void {
    const port = new Uint8Array(PORT_BYTES);
    if (errno !== 0 || readSync(this.fd, port) !== PORT_BYTES)
      throw xenError({ what: 'its event channel cannot be read', errno, domid: this.domid });
    writeSync(this.fd, port);
    this.onEvent();
  }
}
