/** Body of TAKEN: u64, microseconds that the destination took for the batch, from its first byte until it was loaded. */
export function encodeTaken(ms: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setBigUint64(0, BigInt(Math.round(Math.max(0, ms) * 1000)), true);
  return body;
}

/** In milliseconds. */
export function decodeTaken(body: Uint8Array): number {
  return Number(new DataView(body.buffer, body.byteOffset, body.length).getBigUint64(0, true)) / 1000;
}
