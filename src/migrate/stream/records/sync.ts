/** Body of SYNC: u64, bytes from the beginning of the stream. */
export function encodeSync(offset: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setBigUint64(0, BigInt(offset), true);
  return body;
}

export function decodeSync(body: Uint8Array): number {
  return Number(new DataView(body.buffer, body.byteOffset, body.length).getBigUint64(0, true));
}
