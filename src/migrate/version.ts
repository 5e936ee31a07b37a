import type { HypervisorVersion } from '../backends/backend.js';

export function isNewer(a: HypervisorVersion, b: HypervisorVersion): boolean {
  return a.major > b.major || (a.major === b.major && a.minor > b.minor);
}

/** As in "4.17". */
export function versionText({ major, minor }: HypervisorVersion): string {
  return `${major}.${minor}`;
}
