/**
 * The beginning of a saved domain's file; the migration stream follows it at a multiple of 8 bytes. Little-endian:
 *
 *   0  u8[8]  "XFSAVED\n"
 *   8  u32    version, 1
 *  12  u32    n ≤ 65,536
 *  16  u8[n]  the domain's configuration, JSON; zeroes up to a multiple of 8
 */
import { BackendError, type BackendErrorCode } from '../backends/backend.js';
import { MigrationError, reasonOf } from '../migrate/errors.js';
import { type Channel, ChannelError } from '../migrate/io/channel.js';
import { asHostError } from './classify.js';
import { DomainConfig } from './domain-config.js';
import { HostError } from './errors.js';

const MAGIC = Buffer.from('XFSAVED\n', 'ascii');
const VERSION = 1;
const FIXED_BYTES = 16;
const MAX_CONFIG_BYTES = 65_536;
const REMEDY = 'give a file that "xenferry save" wrote, whole; nothing of the domain is left here';

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
    if (!fixed.subarray(0, 8).equals(MAGIC)) throw stranger(fixed);
    if (fixed.readUInt32LE(8) !== VERSION) throw new Error(`version ${fixed.readUInt32LE(8)} is not known`);
    if (length > MAX_CONFIG_BYTES) throw new Error('its configuration is too long');
    const rest = Buffer.alloc(padded(FIXED_BYTES + length) - FIXED_BYTES);
    await channel.read(rest);
    return DomainConfig.parse(JSON.parse(rest.subarray(0, length).toString('utf8')));
  } catch (cause) {
    throw cause instanceof HostError ? cause : badSaveFile(reasonOf(cause), cause);
  }
}

/** The stream's END is the file's. Rejects with BAD_SAVE_FILE. */
export async function assertEnd(channel: Channel): Promise<void> {
  try {
    await channel.read(new Uint8Array(1));
  } catch (error) {
    if (error instanceof ChannelError && error.code === 'ENDED') return;
    throw badSaveFile(reasonOf(error), error);
  }
  throw badSaveFile('there are more bytes behind its end');
}

/** These say that the file is wrong; the others, that this host is. */
const OF_THE_FILE: ReadonlySet<BackendErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'BAD_BUFFER',
  'BAD_GFN',
  'BAD_STATE_RECORD',
]);

/** Why a stream from a file could not be received. */
export function restoreError(error: unknown, domain: string): unknown {
  if (!(error instanceof MigrationError)) return error;
  const { cause } = error;
  if (cause instanceof BackendError && !OF_THE_FILE.has(cause.code)) return asHostError(cause, domain);
  return badSaveFile(reasonOf(cause ?? error), error);
}

/** Files that are easily taken for ours. */
function stranger(begin: Buffer): HostError {
  if (begin.subarray(0, 8).every((byte) => byte === 0xff)) {
    const remedy =
      'give a file that "xenferry save" wrote; a program can receive a bare stream with receiveDomain and openFileSource';
    return badSaveFile("this is a bare migration stream, without the domain's configuration", undefined, remedy);
  }
  if (begin.toString('latin1').startsWith('Xen saved domain'))
    return badSaveFile('this is a file of "xl save"', undefined, 'restore it with "xl restore"');
  return badSaveFile('it does not begin as one');
}

function badSaveFile(why: string, cause?: unknown, remedy = REMEDY): HostError {
  return new HostError('BAD_SAVE_FILE', `this is no saved domain, or it is damaged: ${why}`, { cause, remedy });
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
