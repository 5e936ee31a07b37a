/**
 * Prepull: which pages travel along with a missing one (TSMC §3; Hines & Gopalan, VEE 2009, "bubbling"). The window lies in
 * the direction the faults move in, grows while they follow on from the last window and shrinks when they jump.
 */

export interface Window {
  readonly first: number;
  readonly count: number;
}

export interface PrepullPolicy {
  /** The window for a fault on `gfn`; it may reach past the domain's ends, the caller clips it. */
  window(gfn: number): Window;
}

const SMALLEST = 4;
const LARGEST = 128;

/** A window of fixed size with the fault in its middle. 0: none. */
export function fixedWindow(pages: number): PrepullPolicy {
  return { window: (gfn) => ({ first: gfn - Math.floor(pages / 2), count: pages }) };
}

export function adaptiveWindow(): PrepullPolicy {
  let size = 16;
  let last: Window | undefined;
  let forward = true;
  return {
    window(gfn) {
      if (last) {
        const ahead = gfn >= last.first + last.count && gfn < last.first + last.count + size;
        const behind = gfn < last.first && gfn >= last.first - size;
        if (ahead || behind) {
          size = forward === ahead ? Math.min(LARGEST, size * 2) : size;
          forward = ahead;
        } else {
          size = Math.max(SMALLEST, size >> 1);
        }
      }
      const first = forward ? gfn : gfn - size + 1;
      last = { first, count: size };
      return last;
    },
  };
}
