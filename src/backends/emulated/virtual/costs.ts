/**
 * What things cost in virtual time, in microseconds. They shape the figures of a simulated migration; no test of what is
 * right may depend on them. Where a figure was not measured it is marked as an estimate.
 */
import { PAGE_SIZE } from '../../backend.js';
import type { Work } from '../execution.js';

export interface CostModel {
  /** Work of the hypervisor for the toolstack: so much a call, so much for each unit (page, hypercall) of it. */
  readonly work: Readonly<Record<Work, { readonly call: number; readonly unit: number }>>;
  /** A write to a page that the shadow tables hold read-only: exit, walk, mark, make writable. */
  readonly shadowFixup: number;
  /** One entry of the shadow tables built anew after they were lost. */
  readonly shadowBuild: number;
  /** A first write to a page under HAP with log-dirty on: an EPT violation (misconfiguration, on newer Xen). */
  readonly logDirtyFault: number;
  /** From load() until the vCPU that waited is in guest mode again. */
  readonly wake: number;
  /** A guest step that is not paced: this much, and this much for each page that it touches. */
  readonly guestStep: number;
  readonly guestPage: number;
}

/** memcpy on the 2-core machine on which the peers were measured: 13 GB/s. */
const MEMCPY_BYTES_PER_US = 13_000;
const PAGE_COPY = PAGE_SIZE / MEMCPY_BYTES_PER_US;

/**
 * Otto's RFC for Xen (2017): nominate and evict of 512k pages took 8.5 s. These are two hypercalls a page; a load is one
 * of the same kind, and copies the page.
 */
const EVICT = 8_500_000 / (512 * 1024);
const LOAD = EVICT / 2 + PAGE_COPY;

/** Xen 4.17 under QEMU's emulation: one CLEAN of 1,044,480 pages took 1 ms. That is 250 µs a GiB. */
const CLEAN_PAGE = 1_000 / 1_044_480;

const DEFAULT: CostModel = {
  work: {
    // Estimate: a system call, the exit, and the copies of arguments.
    hypercall: { call: 0, unit: 2 },
    // Estimate for the call: pausing and releasing the domain's vCPUs.
    clean: { call: 20, unit: CLEAN_PAGE },
    // Estimate: one IOCTL_PRIVCMD_MMAPBATCH for up to 1,024 pages, and an entry of dom0's page tables for each.
    'map-page': { call: 5, unit: 0.3 },
    'evict-page': { call: 0, unit: EVICT },
    'load-page': { call: 0, unit: LOAD },
    // Estimate for the call; a page must be cleared.
    'populate-page': { call: 5, unit: PAGE_COPY },
  },
  // Estimates: an exit and its return take about 1 µs on hardware of the last ten years, a software walk as much again.
  shadowFixup: 3,
  shadowBuild: 2,
  logDirtyFault: 1.5,
  wake: 2,
  // Estimate: a core that computes what it writes fills about 1 GB/s.
  guestStep: 0.2,
  guestPage: 4,
};

/** The defaults with some figures replaced. */
export function costModel(changes: Partial<CostModel> = {}): CostModel {
  return { ...DEFAULT, ...changes, work: { ...DEFAULT.work, ...changes.work } };
}

/** Nothing takes any time but guests and the link: for tests of exact arithmetic. */
export const FREE: CostModel = {
  work: {
    hypercall: { call: 0, unit: 0 },
    clean: { call: 0, unit: 0 },
    'map-page': { call: 0, unit: 0 },
    'evict-page': { call: 0, unit: 0 },
    'load-page': { call: 0, unit: 0 },
    'populate-page': { call: 0, unit: 0 },
  },
  shadowFixup: 0,
  shadowBuild: 0,
  logDirtyFault: 0,
  wake: 0,
  guestStep: 1,
  guestPage: 0,
};
