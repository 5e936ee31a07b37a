/**
 * The restore helper as pager: what it does beside the engine, from the moment that the stream says that pages may come later until the
 * last has come. libxl knows nothing of it.
 */
import type { Domain } from '../../backends/backend.js';
import type { MigrationEvent, Stage3Progress } from '../../migrate/index.js';
import { DomainWatch, destroy, Guard, giveUp, PagerStatus } from '../stage3/index.js';
import { untilStarted } from './started.js';

/** Until expect() is called it does nothing, as a plain stream needs nothing. */
export class LaterPages implements Disposable {
  /** Resolves when the domain has been destroyed while pages were missing. */
  readonly gone: Promise<void>;
  private tellGone!: () => void;
  private guard: Guard | undefined;
  private watch: DomainWatch | undefined;
  private status: PagerStatus | undefined;

  constructor(
    private readonly domain: Domain & { readonly uuid: string },
    private readonly name: string,
  ) {
    this.gone = new Promise((resolve) => {
      this.tellGone = resolve;
    });
  }

  /** Early: to start a process takes time that a stopped guest has not. */
  expect(): void {
    const { domid, uuid } = this.domain;
    this.guard ??= Guard.start(domid, uuid);
  }

  event(event: MigrationEvent): void {
    this.status?.event(event);
  }

  /** libxl goes on. Resolves to whether it has started the domain, which it may mean to leave paused. */
  async started(progress: () => Stage3Progress | undefined): Promise<boolean> {
    const { domid } = this.domain;
    this.status = new PagerStatus({ domid, name: this.name, progress });
    this.watch = new DomainWatch(this.domain);
    void this.watch.gone.then(() => this.tellGone());
    const runs = await untilStarted(this.domain);
    this.status.running();
    return runs;
  }

  /** It failed before stage 3, and libxl is not there to destroy what has come of it. */
  async withoutLibxl(): Promise<void> {
    if (this.guard) await destroy(this.domain).catch(() => undefined);
  }

  /** Resolves when nothing is missing; a domain that has lost pages is destroyed, and this rejects. */
  async end(stage3: Promise<unknown>): Promise<void> {
    try {
      await stage3;
      this.status?.ended();
    } catch (error) {
      const { message } = error as Error;
      // Where none is missing, the domain is whole, whatever else went wrong.
      const { pagedPages } = await this.domain.info().catch(() => ({ pagedPages: 1 }));
      this.status?.ended(pagedPages > 0 ? await giveUp(this.domain, message) : undefined);
      throw error;
    }
    this.guard?.well();
  }

  [Symbol.dispose](): void {
    this.watch?.[Symbol.dispose]();
    this.status?.[Symbol.dispose]();
    this.guard?.[Symbol.dispose]();
  }
}
