/**
 * The first bytes of every data connection, 64 in all, little-endian:
 *
 *   0  u8[8]   "XENFERRY"
 *   8  u16     version, 1
 *  10  u16     purpose: 1 stream, 2 control, 3 push, 4 urgent
 *  12  u32     0
 *  16  u8[16]  migration id
 *  32  u8[32]  token
 *
 * The listener answers with one byte, {@link WELCOME}, or closes the connection without a word.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Purpose } from '../migrate/io/channel.js';

/** What a data connection is for: the stream itself, or a channel back from the destination. */
export type DataPurpose = Purpose | 'stream';

export const PREAMBLE_BYTES = 64;
export const WELCOME = 0x06;

const MAGIC = Buffer.from('XENFERRY', 'ascii');
const VERSION = 1;
const PURPOSES: readonly DataPurpose[] = ['stream', 'control', 'push', 'urgent'];

/** Who may connect: the id says to which migration, the token proves it. */
export interface Ticket {
  /** 16 bytes. */
  readonly id: Buffer;
  /** 32 bytes. */
  readonly token: Buffer;
}

export function newTicket(): Ticket {
  return { id: randomBytes(16), token: randomBytes(32) };
}

export function encodePreamble(ticket: Ticket, purpose: DataPurpose): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt16LE(PURPOSES.indexOf(purpose) + 1, 10);
  ticket.id.copy(bytes, 16);
  ticket.token.copy(bytes, 32);
  return bytes;
}

/** The purpose that a peer with this ticket names, or undefined for anything else. Takes the same time for any token. */
export function checkPreamble(bytes: Buffer, ticket: Ticket): DataPurpose | undefined {
  const authentic = timingSafeEqual(bytes.subarray(16, 64), Buffer.concat([ticket.id, ticket.token]));
  const wellFormed =
    bytes.subarray(0, 8).equals(MAGIC) && bytes.readUInt16LE(8) === VERSION && bytes.readUInt32LE(12) === 0;
  return authentic && wellFormed ? PURPOSES[bytes.readUInt16LE(10) - 1] : undefined;
}
