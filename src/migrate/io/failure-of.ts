/** Rejects when `work` does, and never resolves: for a race in which only its failure counts. */
export function failureOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject);
  });
}
