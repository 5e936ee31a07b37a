/** Where the lab keeps what, on the host. */
import { join } from 'node:path';

/** The repository as this build of it stands: this file is dist/test/xen-lab/paths.js. */
export const REPO = join(__dirname, '..', '..', '..');

/** The recipes that are no TypeScript: dom0's init, the guest. */
export const RECIPES = join(REPO, 'test', 'xen-lab');

/** Everything that is built, some 4 GB. */
export const LAB_DIR = process.env.XENFERRY_LAB_DIR ?? join(REPO, '.cache', 'xen-lab');
