/** X86_TSC_INFO record, 0x8: u32 mode, u32 kHz, u64 guest nanoseconds, u32 incarnation, u32 0. */
export interface TscInfo {
  /** 0: default, 1: always emulate, 2: never emulate. */
  readonly mode: number;
  readonly khz: number;
  /** Guest time at the moment of the save. */
  readonly nsec: bigint;
  /** How often the guest has been restored. */
  readonly incarnation: number;
}

const BYTES = 24;
const MAX_MODE = 2;

export const INITIAL_TSC: TscInfo = { mode: 0, khz: 2_000_000, nsec: 0n, incarnation: 0 };

export function encodeTsc({ mode, khz, nsec, incarnation }: TscInfo): Uint8Array {
  const body = new DataView(new ArrayBuffer(BYTES));
  body.setUint32(0, mode, true);
  body.setUint32(4, khz, true);
  body.setBigUint64(8, nsec, true);
  body.setUint32(16, incarnation, true);
  return new Uint8Array(body.buffer);
}

/** Throws RangeError on a body that is not of this shape. */
export function decodeTsc(body: Uint8Array): TscInfo {
  if (body.length !== BYTES) throw new RangeError(`X86_TSC_INFO has ${body.length} bytes, not ${BYTES}`);
  const view = new DataView(body.buffer, body.byteOffset, BYTES);
  const tsc = {
    mode: view.getUint32(0, true),
    khz: view.getUint32(4, true),
    nsec: view.getBigUint64(8, true),
    incarnation: view.getUint32(16, true),
  };
  if (tsc.mode > MAX_MODE) throw new RangeError(`X86_TSC_INFO has an unknown mode ${tsc.mode}`);
  if (tsc.khz === 0 || view.getUint32(20, true) !== 0) throw new RangeError('X86_TSC_INFO is malformed');
  return tsc;
}
