import { CAPABILITIES_SIZE, MAX_ADDRESS } from '../bounds.js';
import { StreamError } from '../errors.js';
import { MAX_GFNS } from '../format.js';
import { decodeText } from './text.js';

/** Of the conversation between two xenferries. A peer of another one is refused. */
export const PROTOCOL_VERSION = 1;

/** Bits of {@link StreamCapabilities.features}. A reader refuses a bit that it does not know. */
export const Feature = {
  /** The stream may end in STAGE3. */
  STAGE3: 0x1,
  /** EVICT_AHEAD records may come. */
  EVICT_AHEAD: 0x2,
} as const;
const KNOWN_FEATURES = Feature.STAGE3 | Feature.EVICT_AHEAD;

export const MIGRATION_ID_SIZE = 16;
export const TOKEN_SIZE = 32;
const MAX_VCPUS = 8192;

/**
 * Body of CAPABILITIES: u32 protocol, u32 features, 16 bytes id, u32 nrGfns, u32 maxPages, u32 vcpus, u32 length of the address,
 * 32 bytes token, the address.
 */
export interface StreamCapabilities {
  readonly features: number;
  /** Names this migration on all its connections. */
  readonly migrationId: Uint8Array;
  /** Length of the domain's bitmaps. */
  readonly nrGfns: number;
  readonly maxPages: number;
  readonly vcpus: number;
  /** One-time secret for the way back; zeroes where the connections are authenticated otherwise. */
  readonly token: Uint8Array;
  /** Where the source listens, as host:port; empty where the destination has been told otherwise. */
  readonly address: string;
}

export function encodeCapabilities(capabilities: StreamCapabilities): Uint8Array {
  const address = new TextEncoder().encode(capabilities.address);
  if (capabilities.migrationId.length !== MIGRATION_ID_SIZE) throw new RangeError('a migration id has 16 bytes');
  if (capabilities.token.length !== TOKEN_SIZE) throw new RangeError('a token has 32 bytes');
  if (address.length > MAX_ADDRESS) throw new RangeError(`an address has at most ${MAX_ADDRESS} bytes`);
  const body = new Uint8Array(CAPABILITIES_SIZE + address.length);
  const view = new DataView(body.buffer);
  view.setUint32(0, PROTOCOL_VERSION, true);
  view.setUint32(4, capabilities.features, true);
  body.set(capabilities.migrationId, 8);
  view.setUint32(24, capabilities.nrGfns, true);
  view.setUint32(28, capabilities.maxPages, true);
  view.setUint32(32, capabilities.vcpus, true);
  view.setUint32(36, address.length, true);
  body.set(capabilities.token, 40);
  body.set(address, CAPABILITIES_SIZE);
  return body;
}

/**
 * @param offset of the record, for errors
 * @throws StreamError NOT_XENFERRY, BAD_FIELD, BAD_LENGTH
 */
export function decodeCapabilities(body: Uint8Array, offset: number): StreamCapabilities {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const protocol = view.getUint32(0, true);
  const features = view.getUint32(4, true);
  if (protocol !== PROTOCOL_VERSION || (features & ~KNOWN_FEATURES) !== 0) {
    const found = `The source speaks protocol ${protocol} with features 0x${features.toString(16)}`;
    throw new StreamError('NOT_XENFERRY', found, offset);
  }
  if (body.length !== CAPABILITIES_SIZE + view.getUint32(36, true)) {
    throw new StreamError('BAD_LENGTH', 'CAPABILITIES is not as long as its address says', offset);
  }
  return {
    features,
    migrationId: body.slice(8, 24),
    nrGfns: bounded(view.getUint32(24, true), MAX_GFNS, 'nrGfns', offset),
    maxPages: bounded(view.getUint32(28, true), MAX_GFNS, 'maxPages', offset),
    vcpus: bounded(view.getUint32(32, true), MAX_VCPUS, 'vcpus', offset),
    token: body.slice(40, CAPABILITIES_SIZE),
    address: decodeText(body.subarray(CAPABILITIES_SIZE), offset),
  };
}

function bounded(value: number, most: number, name: string, offset: number): number {
  if (value >= 1 && value <= most) return value;
  throw new StreamError('BAD_FIELD', `CAPABILITIES says ${name} = ${value} (1 to ${most})`, offset);
}
