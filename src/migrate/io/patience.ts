import { abortable } from './abortable.js';
import { ChannelError } from './channel.js';
import type { Clock } from './clock.js';
import { Deadline } from './deadline.js';

/**
 * Waits for a peer, but not for ever: a network that drops packets without a word would keep a stopped guest stopped. Rejects
 * with a ChannelError STALLED after `ms`.
 */
export async function withPatience<T>(
  clock: Clock,
  ms: number,
  complaint: string,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  using deadline = new Deadline(clock, ms, () => new ChannelError('STALLED', complaint), signal);
  return await abortable(work, deadline.signal);
}
