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
  window(gfn: number, vcpu: number): Window;
}

const SMALLEST = 4;
const LARGEST = 128;
const FIRST = 16;

/** A window of fixed size with the fault in its middle. 0: none. */
export function fixedWindow(pages: number): PrepullPolicy {
  return { window: (gfn) => ({ first: gfn - Math.floor(pages / 2), count: pages }) };
}

/** One window a vCPU, since each walks memory on its own. */
export function adaptiveWindow(): PrepullPolicy {
  const walks = new Map<number, Walk>();
  return {
    window(gfn, vcpu) {
      const walk = follow(walks.get(vcpu), gfn);
      walks.set(vcpu, walk);
      return walk.window;
    },
  };
}

interface Walk {
  readonly window: Window;
  readonly forward: boolean;
}

function follow(last: Walk | undefined, gfn: number): Walk {
  if (!last) return aim(gfn, FIRST, true);
  const { window, forward } = last;
  const end = window.first + window.count;
  const ahead = gfn >= end && gfn < end + window.count;
  const behind = gfn < window.first && gfn >= window.first - window.count;
  // A fault within the last window: the vCPU was faster than the window. Not a jump, and no reason to ask for more.
  if (gfn >= window.first && gfn < end) return aim(gfn, window.count, forward);
  if (!ahead && !behind) return aim(gfn, Math.max(SMALLEST, window.count >> 1), forward);
  const grown = forward === ahead ? Math.min(LARGEST, window.count * 2) : window.count;
  return aim(gfn, grown, ahead);
}

function aim(gfn: number, count: number, forward: boolean): Walk {
  return { window: { first: forward ? gfn : gfn - count + 1, count }, forward };
}
