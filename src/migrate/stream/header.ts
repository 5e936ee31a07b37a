/** The two headers a stream begins with: the image header (big-endian) and the domain header (little-endian). */
import { type GuestType, type HypervisorVersion, PAGE_SHIFT } from '../../backends/backend.js';
import { isNewer, versionText } from '../version.js';
import { StreamError } from './errors.js';
import { DOMAIN_HEADER_SIZE, IMAGE_HEADER_SIZE, OLDEST_STREAM_VERSION, STREAM_ID, STREAM_VERSION } from './format.js';

export const HEADER_SIZE = IMAGE_HEADER_SIZE + DOMAIN_HEADER_SIZE;
const VERSION_AT = IMAGE_HEADER_SIZE + 8;
const MARKER = 0xffffffffffffffffn;
/** x86 PVH travels as HVM, as Xen does it. */
const GUEST_TYPES: Readonly<Record<GuestType, number>> = { pv: 1, hvm: 2 };

export interface StreamHeader {
  readonly guestType: GuestType;
  /** 3, or 2 for a stream of Xen ≤ 4.13. */
  readonly version: number;
  /** The hypervisor under which it was saved. */
  readonly xen: HypervisorVersion;
}

export function encodeHeader(guestType: GuestType, xen: HypervisorVersion): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, MARKER);
  view.setUint32(8, STREAM_ID);
  view.setUint32(12, STREAM_VERSION);
  view.setUint32(IMAGE_HEADER_SIZE, GUEST_TYPES[guestType], true);
  view.setUint16(IMAGE_HEADER_SIZE + 4, PAGE_SHIFT, true);
  view.setUint32(VERSION_AT, xen.major, true);
  view.setUint32(VERSION_AT + 4, xen.minor, true);
  return bytes;
}

/** @throws StreamError BAD_MAGIC, BAD_VERSION, BAD_GUEST_TYPE, BAD_RESERVED */
export function decodeHeader(bytes: Uint8Array): StreamHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  const version = decodeImageHeader(view);
  return { version, ...decodeDomainHeader(new DataView(view.buffer, view.byteOffset + IMAGE_HEADER_SIZE)) };
}

/**
 * A domain moves to a hypervisor of the same version or a newer one: an older one may lack what the guest has been offered, and does not
 * know what was added to its records since.
 * @throws StreamError NEWER_HYPERVISOR
 */
export function checkOrigin({ xen }: StreamHeader, here: HypervisorVersion): void {
  if (!isNewer(xen, here)) return;
  const found = `The domain was saved under version ${versionText(xen)} of the hypervisor, and this host has ${versionText(here)}`;
  throw new StreamError('NEWER_HYPERVISOR', found, VERSION_AT);
}

function decodeImageHeader(view: DataView): number {
  if (view.getBigUint64(0) !== MARKER) throw new StreamError('BAD_MAGIC', 'The marker of 8 bytes 0xff is missing', 0);
  const id = view.getUint32(8);
  if (id !== STREAM_ID) throw new StreamError('BAD_MAGIC', `The id is 0x${id.toString(16)}, not "XENF"`, 8);
  const version = view.getUint32(12);
  if (version < OLDEST_STREAM_VERSION || version > STREAM_VERSION) {
    throw new StreamError('BAD_VERSION', `The stream is of version ${version}`, 12);
  }
  const options = view.getUint16(16);
  if (options & 1) throw new StreamError('BAD_VERSION', 'The stream is big-endian', 16);
  if (options !== 0) throw new StreamError('BAD_RESERVED', `The options are 0x${options.toString(16)}`, 16);
  if (view.getUint16(18) !== 0 || view.getUint32(20) !== 0) {
    throw new StreamError('BAD_RESERVED', 'The end of the image header is not zero', 18);
  }
  return version;
}

function decodeDomainHeader(view: DataView): Omit<StreamHeader, 'version'> {
  const type = view.getUint32(0, true);
  const guestType = (Object.keys(GUEST_TYPES) as GuestType[]).find((name) => GUEST_TYPES[name] === type);
  if (guestType === undefined) throw new StreamError('BAD_GUEST_TYPE', `The guest type is ${type}`, IMAGE_HEADER_SIZE);
  const shift = view.getUint16(4, true);
  if (shift !== PAGE_SHIFT) {
    throw new StreamError('BAD_VERSION', `The page size is 2^${shift}`, IMAGE_HEADER_SIZE + 4);
  }
  if (view.getUint16(6, true) !== 0) {
    throw new StreamError('BAD_RESERVED', 'The reserved field of the domain header is not zero', IMAGE_HEADER_SIZE + 6);
  }
  return { guestType, xen: { major: view.getUint32(8, true), minor: view.getUint32(12, true) } };
}
