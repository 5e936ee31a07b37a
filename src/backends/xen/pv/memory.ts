import type { Access, ForeignMemory, Mapping } from '../../backend.js';

/** A domain's pages while it is restored and afterwards: one kind of access takes the place of the other. */
export class PvMemory implements ForeignMemory {
  constructor(private now: ForeignMemory) {}

  become(memory: ForeignMemory): void {
    this.now = memory;
  }

  types(gfns: Uint32Array): Promise<Uint8Array> {
    return this.now.types(gfns);
  }

  dropHoles(bitmap: Uint8Array, pages: number): Promise<number> {
    return this.now.dropHoles(bitmap, pages);
  }

  map(gfns: Uint32Array, access: Access): Promise<Mapping> {
    return this.now.map(gfns, access);
  }

  populate(gfns: Uint32Array, types?: Uint8Array): Promise<void> {
    return this.now.populate(gfns, types);
  }

  depopulate(gfns: Uint32Array): Promise<void> {
    return this.now.depopulate(gfns);
  }

  vital(): Promise<Uint32Array> {
    return this.now.vital();
  }
}
