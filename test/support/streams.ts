/** Streams put together by hand from the specification, without the code under test. */
import { concat } from './memory-channel.js';

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint | number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

/** A page whose bytes tell its number. */
export function page(fill: number): Uint8Array {
  return new Uint8Array(4096).fill(fill);
}

/** A record with its header and padding; `length` lies about the body where given. */
export function rawRecord(type: number, body: Uint8Array = new Uint8Array(0), length = body.length): Uint8Array {
  return concat([u32(type), u32(length), body, new Uint8Array(-body.length & 7)]);
}

/** A PAGE_DATA record of these entries (type << 60 | pfn) and contents. */
export function rawPages(entries: readonly bigint[], data: readonly Uint8Array[] = []): Uint8Array {
  return rawRecord(1, concat([u32(entries.length), u32(0), ...entries.map(u64), ...data]));
}

export const XEN_4_17 = { major: 4, minor: 17 };
/** Image header version 3, domain header of an HVM guest saved by Xen 4.17. */
export const HVM_HEADER = hex(`ffffffffffffffff 58454e46 00000003 0000 000000000000
                               02000000 0c00 0000 04000000 11000000`);
export const PV_HEADER = hex(`ffffffffffffffff 58454e46 00000003 0000 000000000000
                              01000000 0c00 0000 04000000 11000000`);
export const STATIC_DATA_END = rawRecord(0x10);
export const END = rawRecord(0);

/** A whole HVM stream: pages with and without data, every kind of state that a stock Xen sends, in its order. */
export function hvmStream(): Uint8Array {
  return concat([
    HVM_HEADER,
    rawRecord(0x11, new Uint8Array(24)),
    rawRecord(0x12, new Uint8Array(16)),
    STATIC_DATA_END,
    rawPages([0n, (0xen << 60n) | 1n, 2n, (0xfn << 60n) | 3n], [page(0xa0), page(0xa2)]),
    rawPages([(0xen << 60n) | 5n]),
    rawRecord(0x8, concat([u32(1), u32(2_000_000), u64(77), u32(1), u32(0)])),
    rawRecord(0x9, hex('01 02 03')),
    rawRecord(0xa, concat([u32(1), u32(0), u64(27), u64(5)])),
    END,
  ]);
}
