/**
 * How the engine moves bytes. Pull-based, so that page data is read straight into guest memory: the reader names the
 * buffer. Implementations: src/transport (TCP, TLS, files and inherited descriptors) and the emulated
 * backend's simulated link.
 */
export interface Channel {
  /**
   * Fills `into` wholly. One read at a time. Rejects with a {@link ChannelError} of code `ENDED` if the peer ends first
   * (`received` says how many bytes came), `BROKEN` if the connection fails.
   */
  read(into: Uint8Array): Promise<void>;

  /** As read(), filling several buffers in order. Left out where one read after the other costs no more. */
  readv?(into: readonly Uint8Array[]): Promise<void>;

  /**
   * Sends all chunks, in order. Resolves when they may be changed again: the transport has taken the bytes, which also
   * is the back-pressure. Writes may be issued without waiting; their order is kept.
   */
  write(chunks: readonly Uint8Array[]): Promise<void>;

  /** Says that no more will be written, after all that was. Reading goes on. */
  end(): Promise<void>;

  /** Drops the connection at once; pending reads and writes reject. Idempotent. */
  destroy(reason?: Error): void;

  /** Bytes written so far, whether taken yet or not. */
  readonly bytesWritten: number;
}

/** What a channel from destination back to source is for. */
export type Purpose = 'control' | 'push' | 'urgent';

/** The destination's way back to the source; each call makes a new authenticated connection. */
export interface Dialer {
  dial(purpose: Purpose, signal?: AbortSignal): Promise<Channel>;
}

/** The source's side of {@link Dialer}. Unaccepted connections wait, a bounded number of them. */
export interface Acceptor {
  accept(purpose: Purpose, signal?: AbortSignal): Promise<Channel>;
}

/**
 * `instanceof` goes by the name: the emulated backend's simulated link, which may not import this file, has a class of its
 * own with the same fields.
 */
export class ChannelError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'ChannelError';
  }

  override readonly name = 'ChannelError';
  constructor(
    /** `STALLED`: the connection may be there, and nothing moves on it; our own finding, where the others are the transport's. */
    readonly code: 'ENDED' | 'BROKEN' | 'STALLED',
    message: string,
    readonly received = 0,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
