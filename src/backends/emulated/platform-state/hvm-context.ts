/**
 * HVM_CONTEXT record, 0x9. Opaque to everyone but the hypervisor; ours holds the vCPU contexts:
 *
 *   "XFVC", u32 version 1, u32 vCPUs, u32 pages of the guest, contexts (registers.ts), 8 bytes of SHA-256 of all before
 *
 * Guest programs depend on their layout in memory, so the version rises with any change of registers or layout.
 */
import { createHash } from 'node:crypto';
import { programOf } from '../guests/index.js';
import { MAX_VCPUS } from '../machine.js';
import { CONTEXT_BYTES, Reg, registersOf } from '../registers.js';

const MAGIC = 0x43_56_46_58;
const VERSION = 1;
const HEADER_BYTES = 16;
const CHECK_BYTES = 8;

export function encodeContext(contexts: Uint8Array, maxPages: number): Uint8Array {
  const body = new Uint8Array(HEADER_BYTES + contexts.length + CHECK_BYTES);
  new Uint32Array(body.buffer, 0, 4).set([MAGIC, VERSION, contexts.length / CONTEXT_BYTES, maxPages]);
  body.set(contexts, HEADER_BYTES);
  body.set(checkOf(body), body.length - CHECK_BYTES);
  return body;
}

/** The contexts, checked: a machine with these `vcpus` and `maxPages` can run them. Throws RangeError otherwise. */
export function decodeContext(body: Uint8Array, vcpus: number, maxPages: number): Uint8Array {
  // A copy, so that it is aligned and nobody changes it after the check.
  const own = body.slice(0, HEADER_BYTES + MAX_VCPUS * CONTEXT_BYTES + CHECK_BYTES);
  if (own.length < HEADER_BYTES + CHECK_BYTES) throw new RangeError('the CPU context is cut short');
  const [magic, version, count, pages] = new Uint32Array(own.buffer, 0, 4);
  if (magic !== MAGIC) throw new RangeError('the CPU context is not of an emulated domain');
  if (version !== VERSION) throw new RangeError(`the CPU context has version ${version}; this host knows ${VERSION}`);
  if (count !== vcpus) throw new RangeError(`the CPU context is of ${count} vCPUs; the domain has ${vcpus}`);
  if (pages > maxPages)
    throw new RangeError(`the CPU context is of a guest of ${pages} pages; the domain has ${maxPages}`);
  if (body.length !== HEADER_BYTES + count * CONTEXT_BYTES + CHECK_BYTES)
    throw new RangeError('the CPU context has the wrong length');
  if (Buffer.compare(checkOf(own), own.subarray(-CHECK_BYTES)) !== 0)
    throw new RangeError('the CPU context is damaged');
  const contexts = own.slice(HEADER_BYTES, -CHECK_BYTES);
  for (let vcpu = 0; vcpu < count; vcpu++) checkVcpu(contexts, vcpu, maxPages);
  return contexts;
}

function checkVcpu(contexts: Uint8Array, vcpu: number, maxPages: number): void {
  const { u32, f64 } = registersOf(contexts, vcpu);
  const program = u32[Reg.PROGRAM];
  if (program !== 0 && !programOf(program))
    throw new RangeError(`vCPU ${vcpu} runs program ${program}, which this host does not know`);
  if (u32[Reg.CR3] >= maxPages) throw new RangeError(`vCPU ${vcpu}: CR3 points beyond memory`);
  if (!f64.every((value) => Number.isFinite(value) && value >= 0))
    throw new RangeError(`vCPU ${vcpu}: a register is not a finite number ≥ 0`);
}

const checkOf = (body: Uint8Array): Uint8Array =>
  createHash('sha256').update(body.subarray(0, -CHECK_BYTES)).digest().subarray(0, CHECK_BYTES);
