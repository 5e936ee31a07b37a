/**
 * The beginning of a saved domain's file; the migration stream follows it at a multiple of 8 bytes. Little-endian:
 *
 *   0  u8[8]  "XFSAVED\n"
 *   8  u32    version, 1
 *  12  u32    n ≤ 65,536
 *  16  u8[n]  the domain's configuration, JSON; zeroes up to a multiple of 8
 */
import type { Channel } from '../migrate/io/channel.js';
import { DomainConfig } from './domain-config.js';
import { HostError } from './errors.js';

const MAGIC = Buffer.from('XFSAVED\n', 'ascii');
const VERSION = 1;
const FIXED_BYTES = 16;
const MAX_CONFIG_BYTES = 65_536;

export function encodeSaveHeader(config: DomainConfig): Buffer {
  const json = Buffer.from(JSON.stringify(config));
  const header = Buffer.alloc(padded(FIXED_BYTES + json.length));
  MAGIC.copy(header, 0);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(json.length, 12);
  json.copy(header, FIXED_BYTES);
  return header;
}

/** Reads up to where the stream begins. Rejects with BAD_SAVE_FILE. */
export async function readSaveHeader(channel: Channel): Promise<DomainConfig> {
  try {
    const fixed = Buffer.alloc(FIXED_BYTES);
    await channel.read(fixed);
    const length = fixed.readUInt32LE(12);
    if (!fixed.subarray(0, 8).equals(MAGIC)) throw new Error('it does not begin as one');
    if (fixed.readUInt32LE(8) !== VERSION) throw new Error(`version ${fixed.readUInt32LE(8)} is not known`);
    if (length > MAX_CONFIG_BYTES) throw new Error('its configuration is too long');
    const rest = Buffer.alloc(padded(FIXED_BYTES + length) - FIXED_BYTES);
    await channel.read(rest);
    return DomainConfig.parse(JSON.parse(rest.subarray(0, length).toString('utf8')));
  } catch (cause) {
    throw badSaveFile(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

export function badSaveFile(why: string, cause: unknown): HostError {
  const remedy = 'give a file that "xenferry save" wrote; nothing of the domain is left here';
  return new HostError('BAD_SAVE_FILE', `this is no saved domain, or it is damaged: ${why}`, { cause, remedy });
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
