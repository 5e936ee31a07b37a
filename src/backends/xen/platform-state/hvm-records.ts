/** Bodies of HVM_PARAMS and HVM_CONTEXT. Decoders throw RangeError for what cannot be one. */
import { HvmParam, SAVED_PARAMS } from '../hvm-params.js';
import type { Param } from '../params.js';

const HEADER_BYTES = 8;
const ENTRY_BYTES = 16;
/** What older senders send, too. */
const KNOWN: ReadonlySet<bigint> = new Set([...SAVED_PARAMS, HvmParam.PAE_ENABLED, HvmParam.VM86_TSS].map(BigInt));

/** u32 count, u32 0, {u64 index, u64 value}[count]. */
export function encodeParams(params: readonly Param[]): Buffer {
  const body = Buffer.alloc(HEADER_BYTES + params.length * ENTRY_BYTES);
  body.writeUInt32LE(params.length, 0);
  params.forEach(([index, value], i) => {
    body.writeBigUInt64LE(BigInt(index), HEADER_BYTES + i * ENTRY_BYTES);
    body.writeBigUInt64LE(value, HEADER_BYTES + i * ENTRY_BYTES + 8);
  });
  return body;
}

export function decodeParams(bytes: Uint8Array): Param[] {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length < HEADER_BYTES) throw new RangeError(`${body.length} bytes are too few`);
  const count = body.readUInt32LE(0);
  if (body.length !== HEADER_BYTES + count * ENTRY_BYTES)
    throw new RangeError(`${count} params do not make ${body.length} bytes`);
  return Array.from({ length: count }, (_, i): Param => {
    const index = body.readBigUInt64LE(HEADER_BYTES + i * ENTRY_BYTES);
    if (!KNOWN.has(index)) throw new RangeError(`param ${index} is not one that travels`);
    return [Number(index), body.readBigUInt64LE(HEADER_BYTES + i * ENTRY_BYTES + 8)];
  });
}

/** struct hvm_save_descriptor: u16 type, u16 instance, u32 length (xen/include/public/hvm/save.h). */
const DESCRIPTOR_BYTES = 8;
const TYPE_END = 0;
const TYPE_HEADER = 1;

/** An HVM context is a header, entries and an end; whether each is right, the hypervisor says. */
export function checkContext(bytes: Uint8Array): void {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, first = true; ; first = false) {
    if (at + DESCRIPTOR_BYTES > body.length) throw new RangeError(`it is cut short at byte ${at}`);
    const type = body.readUInt16LE(at);
    const length = body.readUInt32LE(at + 4);
    if (first && type !== TYPE_HEADER) throw new RangeError('it does not begin with a header');
    at += DESCRIPTOR_BYTES + length;
    if (at > body.length) throw new RangeError(`an entry of type ${type} is longer than what is left`);
    if (type !== TYPE_END) continue;
    if (at !== body.length) throw new RangeError(`${body.length - at} bytes follow its end`);
    return;
  }
}
