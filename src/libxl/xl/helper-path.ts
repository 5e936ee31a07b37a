/** Where the save helper is that libxl shall run in place of its own. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { XlError } from './errors.js';

const LAUNCHER = join(__dirname, '..', '..', '..', '..', 'native', 'build', 'Release', 'xenferry-save-helper');
const PROGRAM = join(__dirname, '..', 'save-helper', 'main.js');

/** Of this installation: what hands over to a helper that stands by, or, where that has not been built, the helper itself. */
export const OWN_HELPER = existsSync(LAUNCHER) ? LAUNCHER : PROGRAM;

/** Why libxl could not run `path`; undefined: it can. libxl takes the name as execvp does, but only a path is sure to be found. */
export function helperProblem(path: string): { readonly problem: string; readonly remedy: string } | undefined {
  if (!path.startsWith('/')) return { problem: `${path} is no absolute path`, remedy: 'give the whole path, from /' };
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    return { problem: `${path} is not there`, remedy: 'build it: npm run build' };
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch {
    return { problem: `${path} is not executable`, remedy: `chmod +x ${path}` };
  }
}

/** @throws XlError */
export function assertHelper(path: string): void {
  const found = helperProblem(path);
  if (found) throw new XlError('NO_HELPER', `the save helper cannot be run: ${found.problem}`, found.remedy);
}
