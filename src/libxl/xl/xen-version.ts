/** The version of a host's Xen, as Linux tells it there (/sys/hypervisor/version). */
import { readFileSync } from 'node:fs';
import type { HypervisorVersion } from '../../backends/backend.js';

const FOLDER = '/sys/hypervisor/version';

/** Prints the other host's as `4.17`, and nothing like it where there is none. For sh. */
export const PRINT_VERSION = `v=${FOLDER}; echo xen=$(cat $v/major 2>/dev/null).$(cat $v/minor 2>/dev/null)`;

/** This host's; undefined where it is not known. */
export function xenVersion(folder = FOLDER): HypervisorVersion | undefined {
  try {
    const [major, minor] = ['major', 'minor'].map((name) => readFileSync(`${folder}/${name}`, 'utf8').trim());
    return parseVersion(`${major}.${minor}`);
  } catch {
    return undefined;
  }
}

/** undefined: it is none. */
export function parseVersion(text: string): HypervisorVersion | undefined {
  const [, major, minor] = /^(\d{1,9})\.(\d{1,9})$/.exec(text) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
