import { mix } from '../guests/page.js';

/** The golden ratio in 32 bits: visits every state, far apart. */
const STEP = 0x9e3779b9;

/**
 * Seeded choices of a scenario: a counter through a mixer (SplitMix: Steele, Lea, Flood, OOPSLA 2014; the mixer is the one
 * that guests use). Period 2^32, not for secrets.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = mix(seed >>> 0);
  }

  /** 32 bits. */
  next(): number {
    this.state = (this.state + STEP) >>> 0;
    return mix(this.state);
  }

  /** In [0, 1). */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[this.between(0, from.length - 1)];
  }
}
