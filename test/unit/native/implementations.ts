import { fallback } from '../../../src/native/fallback.js';
import { loadAddon } from '../../../src/native/index.js';
import type { PageOps } from '../../../src/native/page-ops.js';

export type OperationName = Exclude<keyof PageOps, 'kind'>;

const addon = loadAddon();
const REMEDY = 'needs the addon: npm run build:native (g++ or clang, make, Python 3)';

/** Tests of the addon: skipped with the remedy where it is not built, but never in CI. */
export function describeAddon(name: string, body: (native: PageOps) => void): void {
  if (addon !== undefined) describe(name, () => body(addon));
  else if (process.env.CI)
    test(name, () => {
      throw new Error(REMEDY);
    });
  else describe.skip(`${name} (${REMEDY})`, () => test('all', () => {}));
}

/** Tests that hold for either implementation. */
export function describeBoth(body: (ops: PageOps) => void): void {
  describe('TypeScript', () => body(fallback));
  describeAddon('native', body);
}
