/** A bounded record of durations: exact for as many as it keeps, then a uniform sample of all (Vitter's algorithm R). */
const KEPT = 4096;

export class Latencies {
  private readonly kept: number[] = [];
  private seen = 0;
  private max = 0;
  /** Its own generator: the engine takes no chance from outside, so that simulated runs repeat. */
  private random = 0x9e3779b9;

  add(ms: number): void {
    this.seen++;
    this.max = Math.max(this.max, ms);
    if (this.kept.length < KEPT) {
      this.kept.push(ms);
      return;
    }
    const at = this.next() % this.seen;
    if (at < KEPT) this.kept[at] = ms;
  }

  summary(): { p50: number; p99: number; max: number } {
    const sorted = [...this.kept].sort((a, b) => a - b);
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), max: this.max };
  }

  /** xorshift32 (Marsaglia 2003). */
  private next(): number {
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    return this.random >>> 0;
  }
}
