/** What a host answers when it cannot do what was asked. docs/errors.md has an entry for each code, held equal by a test. */

/** Code → HTTP status and meaning. */
export const HOST_ERROR_CODES = {
  BAD_REQUEST: [400, 'the request is malformed or a value is out of range'],
  UNAUTHORIZED: [401, 'the bearer token is missing or wrong'],
  NO_SUCH_DOMAIN: [404, 'this host has no domain of this name or domid'],
  NO_SUCH_MIGRATION: [404, 'this host knows no migration of this id'],
  NAME_TAKEN: [409, 'a domain of this name is here already, or is about to arrive'],
  BUSY: [409, 'another operation holds the domain'],
  DEPARTED: [409, 'the domain was handed over to another host and must never run here again'],
  HANDED_OVER: [409, 'the migration is past its point of no return and cannot be cancelled'],
  REFUSED: [409, 'this host is not set up for what was asked, or has no room for it'],
  SHUTTING_DOWN: [503, 'the host is about to end'],
  DESTINATION_UNREACHABLE: [502, 'a host could not be reached, or the connection to it broke'],
  DESTINATION_REFUSED: [502, 'the destination refused the domain; see its own code'],
  BACKEND: [500, 'the hypervisor reported an error; see its own code'],
  MIGRATION: [500, 'the migration failed; see its own code and which side has the domain'],
  BAD_SAVE_FILE: [422, 'the file is no saved domain, or it is damaged'],
  INTERNAL: [500, 'an error without a name: a bug'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>;

export type HostErrorCode = keyof typeof HOST_ERROR_CODES;

/** An error as it travels over the API. */
export interface ErrorBody {
  readonly code: HostErrorCode;
  readonly message: string;
  readonly domain?: string;
  readonly remedy?: string;
  /** Code of the backend's or the engine's error underneath. */
  readonly detail?: string;
  /** After a failed migration: who has the domain. */
  readonly survivor?: 'source' | 'destination' | 'unknown' | 'none';
}

export interface HostErrorDetails extends Omit<ErrorBody, 'code' | 'message'> {
  readonly cause?: unknown;
}

export class HostError extends Error {
  override readonly name = 'HostError';

  constructor(
    readonly code: HostErrorCode,
    message: string,
    readonly details: HostErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
  }

  get status(): number {
    return HOST_ERROR_CODES[this.code][0];
  }

  toBody(): ErrorBody {
    const { domain, remedy, detail, survivor } = this.details;
    return { code: this.code, message: this.message, domain, remedy, detail, survivor };
  }

  static fromBody(body: ErrorBody): HostError {
    return new HostError(body.code, body.message, body);
  }
}
