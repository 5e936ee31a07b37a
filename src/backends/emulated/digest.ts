/**
 * A domain's digest: SHA-256 over its vCPU contexts and, for each gfn, whether there is a page and what is in it. Nothing that
 * depends on a host is part of it, so two runs of a guest to the same step counts have the same digest.
 */
import { createHash, type Hash } from 'node:crypto';
import { pageOps } from '../../native/index.js';
import { PAGE_SIZE } from '../backend.js';
import { bootGuest, type GuestBuild } from './guests/boot.js';
import { createMachine, isMissing, type Machine, P2m } from './machine.js';
import { Ram } from './ram.js';
import { Vcpu } from './vcpu.js';

/** gfns between two turns of the event loop: 16 MiB, some milliseconds. */
const CHUNK = 4096;
const SLICE_MS = 10;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Digest of a machine whose vCPUs are held, in hexadecimal. Rejects if a page is missing. */
export async function domainDigest(machine: Machine): Promise<string> {
  const hash = createHash('sha256').update(machine.contexts);
  for (let first = 0; first < machine.maxPages; first += CHUNK) {
    addPages(hash, machine, first, Math.min(first + CHUNK, machine.maxPages));
    await turn();
  }
  return hash.digest('hex');
}

function addPages(hash: Hash, { p2m, memory }: Machine, first: number, end: number): void {
  const states = p2m.slice(first, end);
  if (states.some(isMissing)) throw new Error('a page is missing: the domain has no digest yet');
  const populated = states.map((state) => (state === P2m.RAM ? 1 : 0));
  const gfns = Uint32Array.from({ length: end - first }, (_, i) => first + i).filter((_, i) => populated[i] === 1);
  const digests = new Uint8Array(gfns.length * 16);
  pageOps.digestPages(memory, gfns, digests);
  hash.update(populated).update(digests);
}

/**
 * Digest of a domain of the same build that never moved, run until vCPU i has executed steps[i] steps. Takes as much memory as the domain.
 */
export async function controlDigest(build: GuestBuild, steps: readonly number[]): Promise<string> {
  return domainDigest(await controlMachine(build, steps));
}

export async function controlMachine(build: GuestBuild, steps: readonly number[]): Promise<Machine> {
  const maxPages = pagesOf(build.memoryMB);
  const ram = new Ram(maxPages * PAGE_SIZE);
  const machine = createMachine(ram.view({ first: 0, pages: maxPages }), {
    pagingMode: 'hap',
    vcpus: build.vcpus,
    maxPages,
  });
  await bootGuest(machine, build);
  for (let vcpu = 0; vcpu < build.vcpus; vcpu++) await runTo(new Vcpu(machine, vcpu), steps[vcpu] ?? 0);
  return machine;
}

export const pagesOf = (memoryMB: number): number => Math.floor((memoryMB * 1024 * 1024) / PAGE_SIZE);

async function runTo(vcpu: Vcpu, steps: number): Promise<void> {
  for (let slice = performance.now(); vcpu.steps < steps; ) {
    const { kind } = vcpu.step();
    // A control that cannot get there has another digest than a domain that did; the comparison says so.
    if (kind === 'halted') return;
    if (performance.now() - slice < SLICE_MS) continue;
    await turn();
    slice = performance.now();
  }
}
