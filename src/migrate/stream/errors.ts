/**
 * Errors of the migration stream. Callers match on `code`. Every code has an entry in docs/errors.md, and a test holds
 * the two lists equal.
 */

/** Every code of a {@link StreamError}, with its one-line meaning. docs/errors.md adds the remedy. */
export const STREAM_ERROR_CODES = {
  BAD_MAGIC: 'the bytes do not begin as a Xen migration stream does',
  BAD_VERSION: 'the stream is of a version, byte order or page size that this release cannot read',
  NEWER_HYPERVISOR: 'the stream was saved under a newer hypervisor than this host has',
  BAD_GUEST_TYPE: 'the stream holds a kind of guest that this release does not know',
  BAD_RESERVED: 'bits that the format reserves are set',
  BAD_LENGTH: 'a record is longer or shorter than its type and contents say',
  BAD_COUNT: 'a count is zero or beyond its bound',
  BAD_PFN: 'a page entry has an unknown type, reserved bits, or a gfn beyond the domain',
  BAD_FIELD: 'a field of a record has a value that it may not have',
  BAD_ORDER: 'a record stands where it may not',
  UNKNOWN_RECORD: 'a record that must not be skipped is of a type that this release does not know',
  UNSUPPORTED_RECORD: 'a record belongs to a feature that this release does not have',
  NOT_XENFERRY: 'the peer does not speak a protocol of xenferry that this release knows',
  TRUNCATED: 'the stream ends before its END record',
  TOO_LARGE: 'a record is larger than its type may be',
} as const;

export type StreamErrorCode = keyof typeof STREAM_ERROR_CODES;

const DAMAGED =
  'the stream is damaged or its writer is faulty: migrate or save again, and report it if that is no better';

/** What to do about each, said in the message. */
const REMEDIES: Readonly<Record<StreamErrorCode, string>> = {
  BAD_MAGIC: 'what was sent or saved is no migration stream, or something stands before it',
  BAD_VERSION: 'use a Xen or a xenferry of this age, on an x86 host',
  NEWER_HYPERVISOR:
    'update this host, or choose one with that version or a newer one: a domain cannot move to an older one',
  BAD_GUEST_TYPE: 'only x86 PV, PVH and HVM guests can be restored',
  BAD_RESERVED: DAMAGED,
  BAD_LENGTH: DAMAGED,
  BAD_COUNT: DAMAGED,
  BAD_PFN: 'check that the destination allows as much memory as the source had; otherwise the stream is damaged',
  BAD_FIELD: DAMAGED,
  BAD_ORDER: DAMAGED,
  UNKNOWN_RECORD: 'use the release that wrote it, or a newer one',
  UNSUPPORTED_RECORD: 'migrate or save again without checkpoints (Remus, COLO) and without the debug option',
  NOT_XENFERRY: 'run the same release of xenferry at both ends',
  TRUNCATED: 'its writer stopped early, or not all of it came over: look there for why, and migrate or copy it again',
  TOO_LARGE: DAMAGED,
};

/** A stream that cannot be read, or that must not be written. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly remedy: string;

  /**
   * @param found what was found, as the beginning of a sentence
   * @param offset where, in bytes from the beginning of this stream or connection
   */
  constructor(
    readonly code: StreamErrorCode,
    found: string,
    readonly offset: number,
    cause?: unknown,
  ) {
    super(`${found}, at byte ${offset}: ${REMEDIES[code]}`, cause === undefined ? undefined : { cause });
    this.remedy = REMEDIES[code];
  }
}
