/** One thing that will happen. `at` is in nanoseconds of virtual time. */
export interface TimedEvent {
  readonly at: number;
  /** Order of scheduling: decides between events of one instant. */
  readonly sequence: number;
  readonly action: () => void;
  /** Place in the heap; -1 once taken or cancelled. */
  index: number;
}

function before(a: TimedEvent, b: TimedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** Events by (time, sequence): a binary heap that knows where each event sits, so that a cancelled one leaves at once. */
export class EventQueue {
  private readonly heap: TimedEvent[] = [];
  private sequence = 0;

  get size(): number {
    return this.heap.length;
  }

  /** Time of the first event; Infinity when there is none. */
  get next(): number {
    return this.heap.length > 0 ? this.heap[0].at : Number.POSITIVE_INFINITY;
  }

  add(at: number, action: () => void): TimedEvent {
    const event = { at, sequence: this.sequence++, action, index: this.heap.length };
    this.heap.push(event);
    this.rise(event);
    return event;
  }

  take(): TimedEvent | undefined {
    const first = this.heap[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes an event out; does nothing to one that has left already. */
  remove(event: TimedEvent): void {
    const hole = event.index;
    if (hole < 0) return;
    event.index = -1;
    const last = this.heap.pop();
    if (last === undefined || last === event) return;
    this.put(last, hole);
    this.rise(last);
    this.sink(last);
  }

  private put(event: TimedEvent, index: number): void {
    this.heap[index] = event;
    event.index = index;
  }

  private rise(event: TimedEvent): void {
    while (event.index > 0) {
      const parent = this.heap[(event.index - 1) >> 1];
      if (before(parent, event)) return;
      this.swap(parent, event);
    }
  }

  private sink(event: TimedEvent): void {
    for (;;) {
      const left = 2 * event.index + 1;
      if (left >= this.heap.length) return;
      const right = left + 1;
      const child = right < this.heap.length && before(this.heap[right], this.heap[left]) ? right : left;
      if (before(event, this.heap[child])) return;
      this.swap(event, this.heap[child]);
    }
  }

  private swap(a: TimedEvent, b: TimedEvent): void {
    const index = a.index;
    this.put(a, b.index);
    this.put(b, index);
  }
}
