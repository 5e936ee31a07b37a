/**
 * The restore helper as pager: what it does beside the engine, from the moment that the stream says that pages may come later until the
 * last has come. libxl knows nothing of it.
 */
import type { Domain } from '../../backends/backend.js';
import type { MigrationEvent, Stage3Progress } from '../../migrate/index.js';
import { DomainWatch, Guard, giveUp, PagerStatus } from '../stage3/index.js';
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

  /** libxl goes on. Resolves when it has started the domain. */
  async started(progress: () => Stage3Progress | undefined): Promise<void> {
    const { domid } = this.domain;
    this.status = new PagerStatus({ domid, name: this.name, progress });
    this.watch = new DomainWatch(this.domain);
    void this.watch.gone.then(() => this.tellGone());
    await untilStarted(this.domain);
    this.status.running();
  }

  /** Resolves when nothing is missing; a domain that has lost its pages is destroyed, and this rejects. */
  async end(stage3: Promise<unknown>): Promise<void> {
    try {
      await stage3;
      this.status?.ended();
    } catch (error) {
      this.status?.ended(await giveUp(this.domain, (error as Error).message));
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.watch?.[Symbol.dispose]();
    this.status?.[Symbol.dispose]();
    this.guard?.[Symbol.dispose]();
  }
}
