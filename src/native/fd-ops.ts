/**
 * What a process that speaks over inherited descriptors needs from C++ (native/fd.cc). There is no fallback: Node can neither call
 * off a read that waits in the kernel, nor exit while there is one.
 */
export interface FdOps {
  /**
   * Fills `chunks` from `fd`. Ends early at the end of the file (errno 0), at an error, or with ECANCELED as soon as `cancel` is
   * readable. With `wait` on a thread of libuv's, and the chunks must not be looked at until it settles; without, only what is
   * there now is read, and errno is EAGAIN if that was too little.
   */
  fdRead(fd: number, cancel: number, chunks: readonly Uint8Array[], wait: true): Promise<FdResult>;
  fdRead(fd: number, cancel: number, chunks: readonly Uint8Array[], wait: false): FdResult;
  /** As fdRead. A pipe's `fd` must have O_NONBLOCK, or it may wait longer than it should. */
  fdWrite(fd: number, cancel: number, chunks: readonly Uint8Array[], wait: true): Promise<FdResult>;
  fdWrite(fd: number, cancel: number, chunks: readonly Uint8Array[], wait: false): FdResult;
  /**
   * Calls `onReadable` from the event loop as long as `fd` is readable, which keeps the process going; with an errno that is not 0, `fd`
   * cannot be watched any more. What it throws is uncaught. Returns what ends it; close `fd` behind that.
   */
  fdWatch(fd: number, onReadable: (errno: number) => void): () => void;
  /** A descriptor that becomes readable once 8 bytes, not all zero, are written to it; or a negative errno. */
  fdCancel(): number;
  /** Gives `fd` another number, which it returns, and makes `fd` the same as `stand`; or returns a negative errno. */
  fdMove(fd: number, stand: number): number;
  /** Asks for so much room in a pipe. */
  fdPipeSize(fd: number, bytes: number): void;
  /** _exit(2). */
  exitNow(status: number): never;
}

export type FdResult = readonly [bytes: number, errno: number];
