import type { Purpose } from '../../io/channel.js';
import { StreamError } from '../errors.js';
import { MIGRATION_ID_SIZE, PROTOCOL_VERSION } from './capabilities.js';

const PURPOSES: readonly Purpose[] = ['control', 'push', 'urgent'];

/** Body of HELLO: u32 protocol, u32 purpose (0 control, 1 push, 2 urgent), 16 bytes id. */
export interface Hello {
  readonly purpose: Purpose;
  /** As in CAPABILITIES; zeroes for a stream that has none. */
  readonly migrationId: Uint8Array;
}

export function encodeHello({ purpose, migrationId }: Hello): Uint8Array {
  if (migrationId.length !== MIGRATION_ID_SIZE) throw new RangeError('a migration id has 16 bytes');
  const body = new Uint8Array(8 + MIGRATION_ID_SIZE);
  const view = new DataView(body.buffer);
  view.setUint32(0, PROTOCOL_VERSION, true);
  view.setUint32(4, PURPOSES.indexOf(purpose), true);
  body.set(migrationId, 8);
  return body;
}

/** @throws StreamError NOT_XENFERRY, BAD_FIELD */
export function decodeHello(body: Uint8Array, offset: number): Hello {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const protocol = view.getUint32(0, true);
  if (protocol !== PROTOCOL_VERSION) {
    throw new StreamError('NOT_XENFERRY', `The destination speaks protocol ${protocol}`, offset);
  }
  const purpose = PURPOSES[view.getUint32(4, true)];
  if (purpose === undefined) throw new StreamError('BAD_FIELD', 'HELLO names a purpose that is not known', offset);
  return { purpose, migrationId: body.slice(8) };
}
