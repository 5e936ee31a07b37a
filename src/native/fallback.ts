/** {@link PageOps} in TypeScript, for machines on which native/ cannot be built. */
import * as bitmap from './fallback/bitmap.js';
import * as copy from './fallback/copy.js';
import { digestPages } from './fallback/digest.js';
import { dropDataless, elideZeroPages, present, zeroPages } from './fallback/pages.js';
import { decodePfns, encodePfns } from './fallback/pfns.js';
import { prefault } from './fallback/prefault.js';
import * as tables from './fallback/tables.js';
import type { PageOps } from './page-ops.js';

export const fallback: PageOps = {
  kind: 'typescript',
  bitmapToGfns: bitmap.bitmapToGfns,
  bitmapCount: bitmap.bitmapCount,
  bitmapOr: bitmap.bitmapOr,
  bitmapAnd: bitmap.bitmapAnd,
  bitmapAndNot: bitmap.bitmapAndNot,
  bitmapSet: bitmap.bitmapSet,
  bitmapClear: bitmap.bitmapClear,
  bitmapTest: bitmap.bitmapTest,
  bytesAt: tables.bytesAt,
  setBytesAt: tables.setBytesAt,
  increment: tables.increment,
  runs: copy.runs,
  gather: copy.gather,
  scatter: copy.scatter,
  zeroPages,
  dropDataless,
  elideZeroPages,
  present,
  digestPages,
  encodePfns,
  decodePfns,
  prefault,
};
