/** Batches that the cost is learnt from. */
const REMEMBERED = 16;

/**
 * What a batch of pages costs the destination: so much for the batch, and so much for each page (the line of least squares through what
 * it has told). A dom0 that is busy, or emulated, has a hundred times the former of one that is not.
 */
export class BatchCost {
  private readonly batches: { readonly pages: number; readonly ms: number }[] = [];

  add(pages: number, ms: number): void {
    this.batches.push({ pages, ms });
    if (this.batches.length > REMEMBERED) this.batches.shift();
  }

  /**
   * Pages of a batch of which half the time is the pages' own: larger ones make a vCPU wait for more than they save. Where only one size
   * has been seen, or the pages cost nothing that shows, twice what has been seen.
   */
  worthwhile(): number {
    const { length } = this.batches;
    if (length === 0) return 0;
    const mean = (of: (batch: { pages: number; ms: number }) => number): number =>
      this.batches.reduce((sum, batch) => sum + of(batch), 0) / length;
    const [pages, ms] = [mean((batch) => batch.pages), mean((batch) => batch.ms)];
    if (ms === 0) return 0;
    const variance = mean((batch) => (batch.pages - pages) ** 2);
    const perPage = variance === 0 ? 0 : mean((batch) => (batch.pages - pages) * (batch.ms - ms)) / variance;
    if (perPage <= 0) return 2 * pages;
    return Math.min(2 * pages, Math.max(0, ms - perPage * pages) / perPage);
  }
}
