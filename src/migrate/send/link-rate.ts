/**
 * How fast the transport takes pages, while it has some. The time that goes into preparing batches is left out, and so are batches
 * without data: a domain of zeroes on a slow CPU would look like a slow link otherwise, get smaller batches, and be slower yet.
 */
export class LinkRate {
  private pages = 0;
  private busyMs = 0;
  private underWay = 0;
  private since = 0;

  /** So many pages are given to the transport. */
  begin(pages: number, now: number): void {
    if (pages > 0 && this.underWay++ === 0) this.since = now;
  }

  /** It has taken them. */
  end(pages: number, now: number): void {
    if (pages === 0) return;
    this.pages += pages;
    if (--this.underWay === 0) this.busyMs += now - this.since;
  }

  /** Infinity until it has taken some. */
  pagesPerSecond(now: number): number {
    const ms = this.busyMs + (this.underWay > 0 ? now - this.since : 0);
    return this.pages > 0 && ms > 0 ? (this.pages / ms) * 1000 : Number.POSITIVE_INFINITY;
  }
}
