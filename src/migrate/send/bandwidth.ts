import type { SendOptions } from '../options.js';

/** Bytes a second. With less a single page takes so long that the destination would count us as lost. */
export const LEAST_BANDWIDTH = 64 << 10;

/** @throws RangeError */
export function checkBandwidth({
  bandwidth = LEAST_BANDWIDTH,
  postcopyBandwidth = LEAST_BANDWIDTH,
}: SendOptions): void {
  if (Math.min(bandwidth, postcopyBandwidth) >= LEAST_BANDWIDTH) return;
  throw new RangeError(`a bandwidth below ${LEAST_BANDWIDTH} bytes a second is not supported`);
}
