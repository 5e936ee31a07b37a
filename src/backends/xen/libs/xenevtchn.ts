/** libxenevtchn: an event channel of this process's, bound to one that somebody has opened in a domain. */
import { readSync, writeSync } from 'node:fs';
import type { FdOps } from '../../../native/index.js';
import { xenError } from './errors.js';
import { isNull, lastErrno } from './ffi.js';
import type { Libraries } from './libraries.js';

/** What /dev/xen/evtchn gives for an event, and takes to unmask it: the number of its port (Linux include/uapi/xen/evtchn.h). */
const PORT_BYTES = 4;
const POLL_MS = 10;

export class EventChannel {
  private readonly library;
  private readonly handle: Buffer;
  private readonly fd: number;
  private readonly port: number;
  private readonly stopListening: () => void;
  private polling: NodeJS.Timeout | undefined;

  /**
   * `onEvent` is called for each event, or for several at once, and now and then without any; it must not throw.
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
    try {
      this.stopListening = ops.fdWatch(this.fd, (errno) => this.take(errno));
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  /** Tells the other end. */
  notify(): void {
    this.library.call('xenevtchn_notify', this.handle, this.port);
  }

  close(): void {
    this.stopListening();
    clearInterval(this.polling);
    this.letGo();
  }

  private letGo(): void {
    this.library.call('xenevtchn_unbind', this.handle, this.port);
    this.library.call('xenevtchn_close', this.handle);
  }

  /** A guest waits for whoever listens: one that hears no more looks. */
  private take(errno: number): void {
    try {
      if (errno !== 0) throw new Error(`errno ${errno}`);
      if (!this.readAndUnmask()) return;
    } catch (error) {
      this.stopListening();
      this.polling = setInterval(this.onEvent, POLL_MS);
      const what = `the event channel of domain ${this.domid} cannot be read any more: ${(error as Error).message}`;
      process.emitWarning(`${what}; it is looked at every ${POLL_MS} ms instead`);
    }
    this.onEvent();
  }

  /** A port that has been read is masked until it is unmasked; what comes before that comes again. False: nothing was there. */
  private readAndUnmask(): boolean {
    const port = new Uint8Array(PORT_BYTES);
    try {
      readSync(this.fd, port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
    writeSync(this.fd, port);
    return true;
  }
}
