import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain } from '../../backends/backend.js';

const LOOK_MS = 500;

/** Looks now and then whether a domain is still there, as long as it is not disposed. */
export class DomainWatch implements Disposable {
  /** Resolves when the domain has been destroyed; never if it is not. */
  readonly gone: Promise<void>;
  private readonly over = new AbortController();

  constructor(domain: Domain) {
    this.gone = new Promise((resolve) => void this.look(domain, resolve));
  }

  [Symbol.dispose](): void {
    this.over.abort();
  }

  private async look(domain: Domain, found: () => void): Promise<void> {
    const { signal } = this.over;
    while (!signal.aborted) {
      if (await isGone(domain)) return found();
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Another question than whether it can be asked: what cannot be told just now is told the next time. */
export async function isGone(domain: Domain): Promise<boolean> {
  try {
    return (await domain.info()).dying;
  } catch (error) {
    return (error as { code?: unknown }).code === 'NO_SUCH_DOMAIN';
  }
}
