/**
 * The helper's events as those of the whole migration. For the helper a precopy is complete when its stream has ended, and for the domain
 * it is then just being handed over; a post-copy helper sees the handover itself, but neither knows how xl ends.
 */
import type { MigrationState } from '../../migrate/report.js';
import type { LoggedEvent } from '../save-helper/events.js';

export class EventRelay {
  /** As it has been told. */
  state: MigrationState = 'setup';
  /** The domain has been, or is just being, handed over. */
  handedOver = false;
  /** Pages follow behind the domain. */
  postcopy = false;

  constructor(private readonly onEvent: (event: LoggedEvent) => void) {}

  add(event: LoggedEvent): void {
    if (event.type === 'strategy') this.postcopy = event.strategy === 'tsmc';
    if (event.type === 'state') this.move(event);
    else if (event.type === 'progress' && event.state === 'completed') this.onEvent({ ...event, state: this.state });
    else this.onEvent(event);
  }

  /** All of it has ended well. */
  complete(at: number): void {
    this.tell({ type: 'state', from: this.handedOver ? this.state : 'handover', to: 'completed', at });
  }

  private move(event: LoggedEvent & { type: 'state' }): void {
    if (event.to !== 'completed') this.tell(event);
    else if (!this.handedOver) this.tell({ ...event, to: 'handover' });
  }

  private tell(event: LoggedEvent & { type: 'state' }): void {
    const { to } = event;
    this.state = to;
    this.handedOver ||= to === 'handover' || to === 'stage3' || to === 'broken';
    this.postcopy ||= to === 'stage3';
    this.onEvent(event);
  }
}
