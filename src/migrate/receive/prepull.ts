/**
 * Prepull: which pages travel along with a missing one (TSMC §3; Hines & Gopalan, VEE 2009, "bubbling"). The window lies in
 * the direction the faults move in, grows while they follow on from one another and shrinks when they jump.
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

/** Each vCPU walks memory on its own, and in several places at a time. */
export function adaptiveWindow(): PrepullPolicy {
  const vcpus = new Map<number, Walks>();
  return {
    window(gfn, vcpu) {
      const walks = vcpus.get(vcpu) ?? new Walks();
      vcpus.set(vcpu, walks);
      return walks.fault(gfn);
    },
  };
}

/** Where the faults go on from, one after the other: as readahead follows several readers of a file. */
interface Walk {
  readonly window: Window;
  readonly forward: boolean;
}

/** A program that copies, with the kernel's own pages and somebody who looks on. */
const MOST_WALKS = 8;

class Walks {
  /** The one that was last followed is the last. */
  private walks: Walk[] = [];
  /** A fault that follows on from nothing is a walk's first. The more of these in a row, the less is expected of the next. */
  private first = FIRST;

  fault(gfn: number): Window {
    const at = this.walks.findLastIndex(({ window }) => isNear(window, gfn));
    const walk = at < 0 ? aim(gfn, this.first, true) : follow(this.walks[at], gfn);
    this.walks = [...this.walks.filter((_, i) => i !== at), walk].slice(-MOST_WALKS);
    this.first = at < 0 ? Math.max(SMALLEST, this.first >> 1) : FIRST;
    return walk.window;
  }
}

/** Within the window, or so close to it that the walk may have come here. */
function isNear({ first, count }: Window, gfn: number): boolean {
  return gfn >= first - count && gfn < first + 2 * count;
}

function follow({ window, forward }: Walk, gfn: number): Walk {
  const { first, count } = window;
  // A fault within the last window: the vCPU was faster than the window. No reason to ask for more.
  if (gfn >= first && gfn < first + count) return aim(gfn, count, forward);
  const ahead = gfn >= first + count;
  return aim(gfn, forward === ahead ? Math.min(LARGEST, count * 2) : count, ahead);
}

function aim(gfn: number, count: number, forward: boolean): Walk {
  return { window: { first: forward ? gfn : gfn - count + 1, count }, forward };
}
