/** The sending half, alike for all sockets. */
import type { Duplex } from 'node:stream';
import { ChannelError } from '../migrate/io/channel.js';

/**
 * One vectored write of all chunks, without copying. Resolves when the kernel has taken the last byte, so the caller's
 * waiting is the back-pressure.
 */
export function writeChunks(socket: Duplex, chunks: readonly Uint8Array[]): Promise<void> {
  const last = chunks.length - 1;
  if (last < 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i]);
    socket.write(chunks[last], (error) => {
      // Node reports a write that destroy() cut off as if it had succeeded.
      if (error || socket.destroyed) reject(broken(error ?? 'it was closed here'));
      else resolve();
    });
    socket.uncork();
  });
}

/** Half-closes after everything written. */
export function endWriting(socket: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.writableFinished) return resolve();
    // Node hands the error of a failed or destroyed stream to this callback; its type leaves that out.
    socket.end((error?: Error | null) => (error ? reject(broken(error)) : resolve()));
  });
}

export function broken(cause: unknown, doing = 'connection broke'): ChannelError {
  if (cause instanceof ChannelError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ChannelError('BROKEN', `${doing}: ${why}`, 0, cause);
}

export function ended(): ChannelError {
  return new ChannelError('ENDED', 'the peer ended the connection');
}

export function byteCount(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
