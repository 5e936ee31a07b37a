/** X86_TSC_INFO: u32 mode, u32 khz, u64 nsec, u32 incarnation, u32 0. */
import type { TscInfo } from '../libs/xenctrl.js';

export const TSC_INFO_BYTES = 24;

export function encodeTscInfo({ mode, khz, nsec, incarnation }: TscInfo): Buffer {
  const body = Buffer.alloc(TSC_INFO_BYTES);
  body.writeUInt32LE(mode, 0);
  body.writeUInt32LE(khz, 4);
  body.writeBigUInt64LE(nsec, 8);
  body.writeUInt32LE(incarnation, 16);
  return body;
}

/** RangeError if it is not one. */
export function decodeTscInfo(body: Uint8Array): TscInfo {
  if (body.length !== TSC_INFO_BYTES) throw new RangeError(`${body.length} bytes, not ${TSC_INFO_BYTES}`);
  const info = Buffer.from(body.buffer, body.byteOffset, body.length);
  return {
    mode: info.readUInt32LE(0),
    khz: info.readUInt32LE(4),
    nsec: info.readBigUInt64LE(8),
    incarnation: info.readUInt32LE(16),
  };
}
