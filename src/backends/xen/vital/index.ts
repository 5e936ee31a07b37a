/**
 * Pages of a PVH or HVM domain that must be there before a vCPU runs. The processor waits for any other page, and so does the guest;
 * but Xen does not, when it reads or writes the guest's memory for a hypercall or maps a page that the guest names: it fails the call
 * (docs/xen.md). So: what others than the guest use, its page tables, and where each vCPU works.
 */
import { pageOps } from '../../../native/index.js';
import { BackendError, type Mapping } from '../../backend.js';
import { dropHoles } from '../frame-types.js';
import { HvmParam, SPECIAL_PAGE_PARAMS } from '../hvm-params.js';
import { gfnLimit } from '../limits.js';
import { readParams } from '../params.js';
import type { Session } from '../session.js';
import { type CpuContext, cpuContexts } from './cpu-context.js';
import { type Visit, walkTables } from './table-walk.js';

const PAGE_SIZE = 4096n;
/** A Linux kernel's stack, which begins at a multiple of its size. */
const STACK_PAGES = 4;
/** A Linux kernel's variables of one CPU, its vcpu_info among them, and some room. */
const PER_CPU_PAGES = 64;
/** The upper half of the address space, where kernels are. */
const KERNEL = 1n << 63n;

/** Ascending; all have a page. `NOT_SUPPORTED` where a vCPU has page tables that this does not know. */
export async function vitalPages(
  session: Session,
  domid: number,
  map: (gfns: Uint32Array) => Promise<Mapping>,
): Promise<Uint32Array> {
  const limit = gfnLimit(session.domain(domid).maxPages);
  const found = new Uint8Array(Math.ceil(limit / 8));
  const cpus = cpuContexts(session.control.hvmContext(domid));
  if (cpus.some(({ longMode }) => !longMode)) throw notLongMode(domid);
  const walk = { map, ops: session.ops, seen: found };
  const pages = specialPages(session, domid);
  for (const levels of new Set(cpus.map((cpu) => cpu.levels))) {
    const visits = cpus.filter((cpu) => cpu.levels === levels).flatMap(visitsOf);
    pages.push(...(await walkTables(walk, levels, visits)));
  }
  pageOps.bitmapSet(found, Uint32Array.from(pages.filter((gfn) => gfn < limit)));
  const gfns = new Uint32Array(await dropHoles(session, domid, found, limit));
  pageOps.bitmapToGfns(found, limit, 0, gfns);
  return gfns;
}

/** It boots just now, or has an operating system of 32 bits. */
function notLongMode(domid: number): BackendError {
  return new BackendError('NOT_SUPPORTED', `a vCPU of domain ${domid} is not in 64-bit mode`, {
    domid,
    remedy: 'migrate it by precopy; or by post-copy once it has booted, if its operating system has 64 bits',
  });
}

/** What Xen, xenstore, the console or a device model uses behind the guest's back. */
function specialPages(session: Session, domid: number): number[] {
  const gfns = readParams(session, domid, SPECIAL_PAGE_PARAMS);
  const [identPt, tss] = readParams(session, domid, [HvmParam.IDENT_PT, HvmParam.VM86_TSS_SIZED]);
  // These two are addresses, the second with its size above it.
  gfns.push(identPt / PAGE_SIZE, BigInt.asUintN(32, tss) / PAGE_SIZE);
  return gfns.filter((gfn) => gfn > 0n).map(Number);
}

function visitsOf({ root, rsp, rip, gs, segments }: CpuContext): Visit[] {
  const stack = rsp - (rsp % (BigInt(STACK_PAGES) * PAGE_SIZE));
  const perCpu = gs.filter((base) => base >= KERNEL).flatMap((base) => pagesFrom(base, PER_CPU_PAGES));
  const addresses = [...pagesFrom(stack, STACK_PAGES), rip, ...perCpu, ...segments];
  return addresses.map((address) => ({ address, table: root }));
}

function pagesFrom(base: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => BigInt.asUintN(64, base + BigInt(i) * PAGE_SIZE));
}
