import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../backends/backend.js';
import { isGone } from '../stage3/index.js';

const LOOK_MS = 10;
/** A toolstack may mean to leave it paused, and nothing depends on when it runs. */
const PATIENCE_MS = 30_000;

/** Whether xl has started the domain; false if it has not for a while. Rejects if it is gone: xl has given it up. */
export async function untilStarted(domain: Domain): Promise<boolean> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(LOOK_MS)) {
    // What cannot be told just now is told the next time.
    const info = await domain.info().catch(() => undefined);
    if (info && !info.paused) return true;
    if (!info && (await isGone(domain))) throw new Error('the toolstack has destroyed it before it ran');
  }
  return false;
}
