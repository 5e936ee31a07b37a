/** Structurally the engine's ChannelError: callers match on `name` and `code`. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  constructor(
    readonly code: 'ENDED' | 'BROKEN',
    message: string,
    /** Bytes that the failed read had got. */
    readonly received = 0,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  /** The same failure as seen by a read that had got `received` bytes. */
  after(received: number): ChannelError {
    return received === this.received ? this : new ChannelError(this.code, this.message, received, this.cause);
  }
}

export function broken(message: string, cause?: unknown): ChannelError {
  return new ChannelError('BROKEN', message, 0, cause);
}
