import { BackendError, type DirtyStats, Errno, type LogDirty } from '../../../src/backends/backend.js';

const LEAF_BYTES = 4096;

export class TinyLog implements LogDirty {
  #on = false;
  #busy = false;
  #dirtyCount = 0;
  readonly #bits: Uint8Array;

  constructor(
    pages: number,
    private readonly check: () => void,
  ) {
    this.#bits = new Uint8Array(Math.ceil(pages / (8 * LEAF_BYTES)) * LEAF_BYTES);
  }

  /** A vCPU is about to write this page. */
  mark(gfn: number): void {
    const bit = 1 << (gfn & 7);
    if (!this.#on || (this.#bits[gfn >> 3] & bit) !== 0) return;
    this.#bits[gfn >> 3] |= bit;
    this.#dirtyCount++;
  }

  enable(): Promise<void> {
    return this.#alone(() => {
      if (this.#on) throw new BackendError('INVALID_STATE', 'log-dirty is on', { errno: Errno.EINVAL });
      this.#on = true;
    });
  }

  disable(): Promise<void> {
    return this.#alone(() => {
      this.#on = false;
      this.#bits.fill(0);
    });
  }

  peek(pages: number, bitmap?: Uint8Array): Promise<DirtyStats> {
    return this.#alone(() => this.#read(pages, bitmap));
  }

  clean(pages: number, bitmap?: Uint8Array): Promise<DirtyStats> {
    return this.#alone(() => {
      const stats = this.#read(pages, bitmap);
      const leaves = Math.ceil(pages / (8 * LEAF_BYTES));
      this.#bits.fill(0, 0, leaves * LEAF_BYTES);
      this.#dirtyCount = 0;
      return stats;
    });
  }

  #read(pages: number, bitmap: Uint8Array | undefined): DirtyStats {
    const bytes = Math.ceil(pages / 8);
    if (bitmap && bitmap.length < bytes) {
      throw new BackendError('BAD_BUFFER', `${bitmap.length} bytes for ${pages} pages`, { errno: Errno.EFAULT });
    }
    bitmap?.fill(0, 0, bytes).set(this.#bits.subarray(0, bytes));
    return { pages, dirtyCount: this.#dirtyCount, faultCount: 0 };
  }

  /** One operation at a time: a second is BUSY, as in Xen. */
  async #alone<T>(operation: () => T): Promise<T> {
    this.check();
    if (this.#busy) throw new BackendError('BUSY', 'another log-dirty operation', { errno: Errno.EBUSY });
    this.#busy = true;
    try {
      await Promise.resolve();
      return operation();
    } finally {
      this.#busy = false;
    }
  }
}
