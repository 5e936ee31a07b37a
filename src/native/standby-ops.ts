/**
 * How a process that waits takes a migration over from the one that libxl has started (native/standby). On Linux only; there is no
 * fallback, since Node cannot receive descriptors.
 */
export interface StandbyOps {
  /** A listening socket at `path`; a negative errno (EADDRINUSE: somebody listens there). */
  standbyListen(path: string): number;
  /** Waits, on a thread of libuv's, for a launcher. A connection, or a negative errno. */
  standbyAccept(listener: number): Promise<number>;
  /**
   * Tells the launcher that it has found a helper, and takes what it hands over: its descriptors 0, 1, 2 and the stream's, which are
   * this process's from then on, and strings that each end in NUL. undefined if it is another user's, or does not say all of that
   * within seconds. Waits for it.
   */
  standbyReceive(connection: number): Handed | undefined;
  /** `fd` gets the number `target`, and what had it is closed. 0, or a negative errno. */
  fdBecome(fd: number, target: number): number;
}

export interface Handed {
  readonly descriptors: readonly number[];
  readonly strings: Buffer;
}
