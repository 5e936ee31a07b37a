/** Errors of the engine. docs/errors.md has an entry for each code, held equal by a test. */

export const MIGRATION_ERROR_CODES = {
  CANCELLED: 'the caller cancelled before the handover; the domain runs on at the source',
  SOURCE_FAILED: 'a call on the source domain failed before the handover; it runs on at the source',
  STREAM_FAILED: 'the stream broke or was refused before the handover; the domain runs on at the source',
  DESTINATION_FAILED: 'the destination gave up before the handover; the domain runs on at the source',
  RESUME_FAILED: 'the migration failed before the handover, and the source domain could not be resumed',
  HANDOVER_UNKNOWN:
    'the connection was lost in the handover and did not come back; only one side may run, and it could not be asked which',
  POSTCOPY_BROKEN: 'the destination runs, pages are missing, and the way to the source did not come back',
  BAD_STREAM: 'the incoming stream cannot be restored; nothing of the domain is left here',
  ABORTED: 'the source gave the migration up; nothing of the domain is left here',
  NO_RETURN_CHANNEL: 'this stream needs a connection back to its source and none was offered',
} as const;

export type MigrationErrorCode = keyof typeof MIGRATION_ERROR_CODES;

/** Who runs the domain after a failure. Never 'both': see the handover. */
export type Survivor = 'source' | 'destination' | 'unknown' | 'none';

export interface MigrationErrorDetails {
  readonly survivor: Survivor;
  readonly remedy: string;
  readonly domid?: number;
  readonly cause?: unknown;
  /** Resolves when nothing of the migration is at work any more, such as answering "aborted" to a destination that asks. */
  readonly settled?: Promise<void>;
}

/** A migration that did not complete. `survivor` says where the domain is. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly survivor: Survivor;
  readonly remedy: string;
  readonly domid?: number;
  readonly settled: Promise<void>;

  constructor(
    readonly code: MigrationErrorCode,
    message: string,
    details: MigrationErrorDetails,
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.survivor = details.survivor;
    this.remedy = details.remedy;
    this.domid = details.domid;
    this.settled = details.settled ?? Promise.resolve();
  }
}

/** A short text for any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
