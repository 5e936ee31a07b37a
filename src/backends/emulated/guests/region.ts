import { FReg, Reg } from '../registers.js';
import { sharePages, usPerPage } from './pacing.js';
import type { Boot } from './program.js';

/** Registers of a program that works on one region of the heap, its first pages, at a steady pace. */
export const PAGES = Reg.PARAM;
export const PAGE_US = FReg.PARAM;

export interface RegionSpec {
  /** Default: all of the heap. */
  readonly regionMB?: number;
  /** Pages gone over a second by all vCPUs together, in MiB; as fast as the machine goes if left out. */
  readonly rateMBps?: number;
}

export function configureRegion({ regionMB, rateMBps }: RegionSpec, boot: Boot): void {
  boot.u32[PAGES] = sharePages(regionMB, boot);
  boot.f64[PAGE_US] = usPerPage(rateMBps, boot);
}
