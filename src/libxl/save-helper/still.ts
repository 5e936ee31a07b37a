import type { DirtyStats, LogDirty } from '../../backends/backend.js';

/**
 * Log-dirty of a domain that is suspended throughout, as in a save that is not live: nothing is written, so there is nothing to
 * log. Hypervisors that cannot log a PV domain (no shadow paging) can save one this way.
 */
export const nothingWritten: LogDirty = {
  enable: async () => undefined,
  disable: async () => undefined,
  peek: async (pages, bitmap) => read(pages, bitmap),
  clean: async (pages, bitmap) => read(pages, bitmap),
};

function read(pages: number, bitmap?: Uint8Array): DirtyStats {
  bitmap?.fill(0, 0, Math.ceil(pages / 8));
  return { pages, dirtyCount: 0, faultCount: 0 };
}
