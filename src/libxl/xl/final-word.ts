/** Post-copy goes on when xl has ended: its helper has the last word. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './children.js';
import type { HelperEvents } from './helper-events.js';

const LOOK_AGAIN_MS = 100;

/** Resolves when the helper has said it, or is gone; never once nobody wants to hear it any more. */
export async function finalWord(events: HelperEvents, signal: AbortSignal, look: () => void): Promise<void> {
  for (;;) {
    // Looked at before its words: what it says before it ends has then been read.
    const gone = events.pid === undefined || !isRunning(events.pid);
    look();
    if (events.finished || gone) return;
    await sleep(LOOK_AGAIN_MS);
    if (signal.aborted) await new Promise(() => undefined);
  }
}
