/** How orders name pages, and how answers carry frames and words (test/xen-lab/guest/agent.c). */

/** Places among the guest's pages as `0-63,70`. Ascending runs are joined. */
export function encodePlaces(places: readonly number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === place) last[1] = place;
    else runs.push([place, place]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** `1f00+40,8000`: 0x40 frames from 0x1f00, and frame 0x8000. */
export function decodeFrames(text: string): Uint32Array {
  return Uint32Array.from(
    text.split(',').flatMap((run) => {
      const [from, count = '1'] = run.split('+');
      return Array.from({ length: hex(count) }, (_, i) => hex(from) + i);
    }),
  );
}

/** `c0de*40,5`: 0x40 times the word 0xc0de, and once 5. */
export function decodeWords(text: string): Uint32Array {
  if (text === '') return new Uint32Array(0);
  return Uint32Array.from(
    text.split(',').flatMap((run) => {
      const [word, count = '1'] = run.split('*');
      return new Array<number>(hex(count)).fill(hex(word));
    }),
  );
}

function hex(text: string): number {
  const value = Number.parseInt(text, 16);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`the guest answered ${JSON.stringify(text)}`);
  return value;
}
