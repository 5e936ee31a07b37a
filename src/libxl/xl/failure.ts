/** A migration by xl that has failed: from what xl and the helper said to an error that says where the domain is. */
import { MigrationError, type MigrationErrorCode, type Survivor } from '../../migrate/errors.js';
import type { HelperFailure } from '../save-helper/events.js';
import type { DomainCondition, XlDomain } from './toolstack.js';
import type { Transcript } from './transcript.js';

export interface Ended {
  readonly domain: XlDomain;
  readonly host: string;
  readonly transcript: Transcript;
  readonly failure: HelperFailure | undefined;
  readonly cancelled: boolean;
  /** Looked at after xl had ended. */
  readonly condition: DomainCondition;
}

const AGAIN = 'mend what the reason names and migrate again';

export function migrationFailed(ended: Ended): MigrationError {
  const { transcript, condition, cancelled } = ended;
  const { ending, stage } = transcript;
  const handedOver = stage === 'handover' || stage === 'started';
  if (ending === 'completed') return undefinedState(ended);
  if (ending === 'undefined' || (ending === undefined && handedOver)) return undefinedState(ended);
  if (condition === 'suspended') return notResumed(ended);
  if (condition === 'gone' || condition === 'unknown') return whereabouts(ended);
  if (cancelled) return cancelledHere(ended);
  return runsOn(ended, codeOf(ended));
}

/**
 * Our helper's own reason comes before xl's lines, which tell what follows from it; but of a stream that broke the receiver, whose lines are
 * among xl's, knows more.
 */
function reason({ failure, transcript }: Ended): string {
  if (!failure || failure.code === BROKEN) return transcript.why();
  const matter = failure.message.replace(/^the migration of domain \d+ failed: /, '').replace(/; it runs on here$/, '');
  return `${matter} (${failure.code})`;
}

/** What the sending helper says when it could not write the stream. */
const BROKEN: MigrationErrorCode = 'STREAM_FAILED';

/**
 * By what the helper said, if it has said anything. Of xl's endings `not-suspended` need not be the guest's fault: libxl says so of all that
 * went wrong before the suspend.
 */
function codeOf({ transcript: { ending, stage, receiverFailed }, failure }: Ended): MigrationErrorCode {
  if (stage === 'connecting' || ending === 'given-back') return 'DESTINATION_FAILED';
  if (failure?.code === BROKEN) return receiverFailed ? 'DESTINATION_FAILED' : BROKEN;
  if (failure || ending === undefined || ending === 'not-suspended') return 'SOURCE_FAILED';
  return BROKEN;
}

function runsOn(ended: Ended, code: MigrationErrorCode): MigrationError {
  const { domain, condition, host, failure } = ended;
  const state = condition === 'paused' ? 'it is paused here, as before' : 'it runs on here';
  const message = `the migration of domain ${domain.name} to ${host} failed: ${reason(ended)}; ${state}`;
  return error(ended, code, message, 'source', failure?.remedy ?? AGAIN);
}

/** The domain runs over there, and the process that has its pages has given up, or has gone without a word. */
export function postcopyFailed(
  { domid, name }: XlDomain,
  host: string,
  failure: HelperFailure | undefined,
): MigrationError {
  const why = failure ? `${failure.message} (${failure.code})` : 'the page server here died';
  const message = `domain ${name} runs on ${host}, and what it misses of its memory will not come: ${why}`;
  const remedy =
    failure?.remedy ??
    `ask xenferry status ${name} there: if it has completed, nothing is missing; else a vCPU that needs a missing page waits for ever, so destroy it there, and start it again or restore its last save`;
  return new MigrationError('POSTCOPY_BROKEN', message, { domid, survivor: 'destination', remedy });
}

function cancelledHere(ended: Ended): MigrationError {
  const message = `the migration of domain ${ended.domain.name} was cancelled; it runs on here`;
  return error(ended, 'CANCELLED', message, 'source', 'migrate again whenever you like');
}

function notResumed(ended: Ended): MigrationError {
  const { domid, name } = ended.domain;
  const message = `domain ${name} could not be resumed after: ${reason(ended)}`;
  const remedy = `it is still here, suspended, with all of its memory: resume it (xl resume ${domid}, where xl has that), or destroy and start it again`;
  return error(ended, 'RESUME_FAILED', message, 'none', remedy);
}

function whereabouts(ended: Ended): MigrationError {
  const { domain, host } = ended;
  const message = `the migration of domain ${domain.name} failed: ${reason(ended)}; it could not be seen whether it still runs here`;
  return error(ended, 'HANDOVER_UNKNOWN', message, 'unknown', `look at xl list, here and on ${host}`);
}

function undefinedState(ended: Ended): MigrationError {
  const { domain, host, condition } = ended;
  const here =
    condition === 'gone'
      ? 'it is no longer here'
      : `here it may stand as ${domain.name}--migratedaway, and does not run`;
  const message = `the connection to ${host} was lost while domain ${domain.name} was handed over: ${reason(ended)}; ${here}`;
  const remedy = `look at xl list on both hosts. Runs it on ${host}: destroy what is left here. Is it not there: rename it back (xl rename) and resume it here`;
  return error(ended, 'HANDOVER_UNKNOWN', message, 'unknown', remedy);
}

function error(
  { domain: { domid }, transcript }: Ended,
  code: MigrationErrorCode,
  message: string,
  survivor: Survivor,
  remedy: string,
): MigrationError {
  return new MigrationError(code, message, { domid, survivor, remedy, cause: new Error(transcript.why()) });
}
