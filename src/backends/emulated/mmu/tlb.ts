const ENTRIES = 1024;
const WRITABLE = 0x80000000;

/**
 * Direct-mapped cache of translations. An entry is writable only if a write needs nothing more done: dirty bit set in
 * the guest's entry and, with log-dirty on, the page marked.
 */
export class Tlb {
  /** vpn + 1, so that 0 is an empty entry. */
  private readonly tags = new Float64Array(ENTRIES);
  private readonly frames = new Uint32Array(ENTRIES);

  /** Frame of `vpn`, or -1. */
  lookup(vpn: number, write: boolean): number {
    const slot = vpn & (ENTRIES - 1);
    if (this.tags[slot] !== vpn + 1) return -1;
    const frame = this.frames[slot];
    return write && frame < WRITABLE ? -1 : frame & 0x7fffffff;
  }

  insert(vpn: number, gfn: number, writable: boolean): void {
    const slot = vpn & (ENTRIES - 1);
    this.tags[slot] = vpn + 1;
    this.frames[slot] = writable ? gfn + WRITABLE : gfn;
  }

  drop(vpn: number): void {
    const slot = vpn & (ENTRIES - 1);
    if (this.tags[slot] === vpn + 1) this.tags[slot] = 0;
  }

  flush(): void {
    this.tags.fill(0);
  }
}
