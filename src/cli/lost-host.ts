/** The host that a migration was watched on has gone. What it said last tells where the domain is. */
import { HostError } from '../host/errors.js';
import type { MigrationState } from '../migrate/report.js';

interface Watched {
  readonly domain: string;
  readonly destination: string;
  /** The last that was heard of. */
  readonly state: MigrationState;
}

/** `error`, or what more is known: before the handover the domain was that host's, and no more can be said. */
export function lostHost(error: unknown, { domain, destination, state }: Watched): unknown {
  if (!(error instanceof HostError) || error.code !== 'DESTINATION_UNREACHABLE') return error;
  const say = (detail: string, survivor: 'destination' | 'unknown', where: string): HostError =>
    new HostError('MIGRATION', `${error.message}; ${where}`, {
      ...{ domain, detail, survivor, cause: error },
      remedy: `see there: xenferry --host ${destination} info ${domain}`,
    });
  switch (state) {
    case 'handover':
      return say('HANDOVER_UNKNOWN', 'unknown', `domain ${domain} was just being handed over to ${destination}`);
    case 'stage3':
    case 'broken':
      return say('POSTCOPY_BROKEN', 'destination', `domain ${domain} runs at ${destination}, and pages may be missing`);
    case 'completed':
      return say('POSTCOPY_BROKEN', 'destination', `domain ${domain} runs at ${destination}, whole`);
    default:
      return error;
  }
}
