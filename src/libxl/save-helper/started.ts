import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../backends/backend.js';

const LOOK_MS = 10;
/** A toolstack may mean to leave it paused, and nothing depends on when it runs. */
const PATIENCE_MS = 30_000;

/** Resolves when xl has started the domain, or does not. Rejects if it is gone: xl has given it up. */
export async function untilStarted(domain: Domain): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(LOOK_MS)) {
    if (!(await domain.info()).paused) return;
  }
}
