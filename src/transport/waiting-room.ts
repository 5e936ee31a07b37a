/** Authenticated channels that nobody has accepted yet, and those who wait for one. */
import { type Channel, ChannelError } from '../migrate/io/channel.js';
import type { DataPurpose } from './preamble.js';

/** Per purpose. A peer that reconnects before we notice makes a second one; more are stale, the oldest first. */
const MAX_WAITING = 4;

interface Waiter {
  resolve(channel: Channel): void;
  reject(error: unknown): void;
}

export class WaitingRoom {
  private readonly channels = new Map<DataPurpose, Channel[]>();
  private readonly waiters = new Map<DataPurpose, Waiter[]>();
  private closed = false;

  enter(purpose: DataPurpose, channel: Channel): void {
    const waiter = this.list(this.waiters, purpose).shift();
    const waiting = this.list(this.channels, purpose);
    if (this.closed) channel.destroy();
    else if (waiter) waiter.resolve(channel);
    else if (waiting.push(channel) > MAX_WAITING)
      waiting.shift()?.destroy(new Error('a newer connection took its place'));
  }

  take(purpose: DataPurpose, signal?: AbortSignal): Promise<Channel> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.closed) return Promise.reject(closedError());
    const channel = this.list(this.channels, purpose).shift();
    if (channel) return Promise.resolve(channel);
    return this.wait(this.list(this.waiters, purpose), signal);
  }

  close(): void {
    this.closed = true;
    for (const waiting of this.channels.values()) for (const channel of waiting.splice(0)) channel.destroy();
    for (const waiters of this.waiters.values()) for (const waiter of waiters.splice(0)) waiter.reject(closedError());
  }

  private wait(waiters: Waiter[], signal?: AbortSignal): Promise<Channel> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve(channel) {
          signal?.removeEventListener('abort', onAbort);
          resolve(channel);
        },
        reject,
      };
      const onAbort = (): void => {
        const at = waiters.indexOf(waiter);
        if (at >= 0) waiters.splice(at, 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      waiters.push(waiter);
    });
  }

  private list<T>(lists: Map<DataPurpose, T[]>, purpose: DataPurpose): T[] {
    const list = lists.get(purpose) ?? [];
    lists.set(purpose, list);
    return list;
  }
}

function closedError(): ChannelError {
  return new ChannelError('BROKEN', 'the listener was closed');
}
