/**
 * `pageOps`: what runs once a page, in C++ where native/ has been built, else in TypeScript. The only file that loads
 * the addon, and not before it is first used. XENFERRY_NATIVE=0 forces the TypeScript.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fallback } from './fallback.js';
import type { FdOps } from './fd-ops.js';
import type { PageOps } from './page-ops.js';
import type { PagingOps } from './paging-ops.js';
import type { PvOps } from './pv-ops.js';
import type { StandbyOps } from './standby-ops.js';
import type { XenOps } from './xen-ops.js';

export type { FdOps, FdResult } from './fd-ops.js';
export type { PageOps } from './page-ops.js';
export type { PagingOps, PagingRoom, RingResponse } from './paging-ops.js';
export { MACHINE_FORM, type PvOps } from './pv-ops.js';
export type { Handed, StandbyOps } from './standby-ops.js';
export type { ForeignPages, XenOps } from './xen-ops.js';

const ADDON = join('native', 'build', 'Release', 'xenferry.node');

/** The package's root is two folders above src/native and three above dist/src/native. */
function addonPath(): string | undefined {
  const here = dirname(__dirname);
  return [join(here, '..', ADDON), join(here, '..', '..', ADDON)].find((path) => existsSync(path));
}

export type Addon = PageOps & XenOps & PagingOps & PvOps & FdOps & StandbyOps;

/**
 * The addon, or undefined where it has not been built. One that is there and cannot be loaded (another platform's, or cut
 * short) throws: whoever built it should hear of it.
 */
export function loadAddon(): Addon | undefined {
  const path = addonPath();
  if (path === undefined) return undefined;
  try {
    return { kind: 'native', ...(require(path) as Omit<Addon, 'kind'>) };
  } catch (cause) {
    throw new Error(`${path} cannot be loaded: run npm run build:native, or set XENFERRY_NATIVE=0`, { cause });
  }
}

let chosen: PageOps | undefined;

function choose(): PageOps {
  chosen ??= (process.env.XENFERRY_NATIVE === '0' ? undefined : loadAddon()) ?? fallback;
  return chosen;
}

/** Chosen at the first use of any property. */
export const pageOps: PageOps = new Proxy({} as PageOps, {
  get: (_target, property) => Reflect.get(choose(), property),
  has: (_target, property) => Reflect.has(choose(), property),
});
