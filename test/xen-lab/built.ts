/** What dom0 runs from the repository, and `npm run build` alone cannot make. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { LabError } from './lab-error.js';

const REMEDY = 'apt-get install g++ make python3, then npm ci and npm run build.';
const ADDON = join('native', 'build', 'Release', 'xenferry.node');
/** Optional to npm, which says nothing where it cannot be installed. */
const FFI = 'ffi-napi';

/** Throws unless `repo` has the addon and FFI: without them every step would fail by itself, after all boots. */
export function checkBuilt(repo: string): void {
  if (!existsSync(join(repo, ADDON))) throw new LabError(`there is no ${join(repo, ADDON)}`, REMEDY);
  try {
    createRequire(join(repo, 'package.json')).resolve(FFI);
  } catch {
    throw new LabError(`${FFI} is not installed, and the Xen backend calls libxc through it`, REMEDY);
  }
}
