/** Most channels carry little: a ring begins small and doubles until it has its capacity. */
const FIRST_BYTES = 16 * 1024;

/** Bytes in order, at most `capacity` of them, in memory that is used again and again. */
export class ByteRing {
  private bytes = new Uint8Array(0);
  private head = 0;
  private used = 0;

  constructor(private readonly capacity: number) {}

  get length(): number {
    return this.used;
  }

  /** Appends source[from, from + count). The caller keeps within the capacity. */
  put(source: Uint8Array, from: number, count: number): void {
    if (count === 0) return;
    if (this.used + count > this.capacity) throw new RangeError(`${count} bytes do not fit: ${this.used} are here`);
    if (this.used + count > this.bytes.length) this.grow(this.used + count);
    const tail = (this.head + this.used) % this.bytes.length;
    const first = Math.min(count, this.bytes.length - tail);
    this.bytes.set(source.subarray(from, from + first), tail);
    if (first < count) this.bytes.set(source.subarray(from + first, from + count), 0);
    this.used += count;
  }

  /** Moves the oldest `count` bytes to `into` from `at`. */
  take(into: Uint8Array, at: number, count: number): void {
    if (count === 0) return;
    if (count > this.used) throw new RangeError(`${count} bytes from a ring with ${this.used}`);
    const first = Math.min(count, this.bytes.length - this.head);
    into.set(this.bytes.subarray(this.head, this.head + first), at);
    if (first < count) into.set(this.bytes.subarray(0, count - first), at + first);
    this.used -= count;
    this.head = (this.head + count) % this.bytes.length;
  }

  /** Forgets all but the oldest `count` bytes. */
  keep(count: number): void {
    this.used = Math.min(this.used, count);
    if (this.used > 0) return;
    this.bytes = new Uint8Array(0);
    this.head = 0;
  }

  private grow(atLeast: number): void {
    const size = Math.min(this.capacity, Math.max(FIRST_BYTES, 2 * this.bytes.length, atLeast));
    const count = this.used;
    const larger = new Uint8Array(size);
    this.take(larger, 0, count);
    this.bytes = larger;
    this.head = 0;
    this.used = count;
  }
}
