import { readFileSync } from 'node:fs';

/** The control domain says so of itself. */
export function isControlDomain(capabilities = '/proc/xen/capabilities'): boolean {
  try {
    return readFileSync(capabilities, 'utf8').includes('control_d');
  } catch {
    return false;
  }
}
