/** Asks the other host, before anything is touched, whether it can receive. */
import type { HypervisorVersion } from '../../backends/backend.js';
import { isNewer, versionText } from '../../migrate/version.js';
import { remoteScript, type SshReceiver } from './command.js';
import { XlError } from './errors.js';
import { type Outcome, run } from './process.js';
import { quote } from './quote.js';
import { PRINT_VERSION, parseVersion, xenVersion } from './xen-version.js';

const TIMEOUT_MS = 60_000;
const LEAST_NODE = 20;
/** ssh's own status where it could not connect. */
const SSH_FAILED = 255;

export interface ReceiverFacts {
  readonly dom0: boolean;
  /** undefined: not known. */
  readonly xen: HypervisorVersion | undefined;
  readonly xl: boolean;
  /** One that is new enough. */
  readonly node: boolean;
  readonly helper: boolean;
}

/** Prints `name=value` lines, and never fails. */
export function receiverScript(helper: string | undefined): string {
  return [
    'echo xenferry-receiver',
    'echo dom0=$(cat /proc/xen/capabilities 2>/dev/null)',
    PRINT_VERSION,
    'echo xl=$(command -v xl)',
    'echo node=$(node --version 2>/dev/null)',
    ...(helper === undefined ? [] : [`if [ -x ${quote(helper)} ]; then echo helper=yes; fi`]),
  ].join('\n');
}

/** undefined if the script did not run there. */
export function parseReceiver(stdout: string): ReceiverFacts | undefined {
  const lines = stdout.split('\n');
  // A login message may come first.
  const start = lines.indexOf('xenferry-receiver');
  if (start < 0) return undefined;
  const facts = new Map(lines.slice(start + 1).map((line) => splitAt(line, line.indexOf('='))));
  const has = (name: string): boolean => (facts.get(name) ?? '') !== '';
  return {
    dom0: (facts.get('dom0') ?? '').includes('control_d'),
    xen: parseVersion(facts.get('xen') ?? ''),
    node: Number(/^v(\d+)/.exec(facts.get('node') ?? '')?.[1] ?? 0) >= LEAST_NODE,
    ...{ xl: has('xl'), helper: has('helper') },
  };
}

function splitAt(line: string, at: number): [string, string] {
  return [line.slice(0, Math.max(0, at)), line.slice(at + 1)];
}

/** @throws XlError if it cannot be reached or cannot receive. */
export async function checkReceiver(
  receiver: SshReceiver,
  helper: string | undefined,
  signal?: AbortSignal,
  here = xenVersion(),
): Promise<ReceiverFacts> {
  const script = remoteScript(receiver, receiverScript(helper));
  const outcome = await run('sh', ['-c', script], { timeoutMs: TIMEOUT_MS, signal });
  const facts = parseReceiver(outcome.stdout);
  if (!facts) throw unreachable(receiver, outcome);
  const refusal = refusalOf(facts, helper, here);
  if (!refusal) return facts;
  throw new XlError('DESTINATION_REFUSED', `${receiver.host}: ${refusal.problem}`, refusal.remedy);
}

/** Why a host with these facts cannot receive; `here` is this host's Xen. */
export function refusalOf(
  facts: ReceiverFacts,
  helper: string | undefined,
  here: HypervisorVersion | undefined,
): { readonly problem: string; readonly remedy: string } | undefined {
  if (!facts.dom0)
    return { problem: 'it is no Xen control domain, or xenfs is not mounted', remedy: 'give a host that runs Xen' };
  if (!facts.xl)
    return {
      problem: 'xl is not in the PATH of a command that ssh runs',
      remedy: 'install the Xen toolstack there, and log in as root (root@HOST)',
    };
  if (here && facts.xen && isNewer(here, facts.xen))
    return {
      problem: `its Xen is ${versionText(facts.xen)}, and this host’s is ${versionText(here)}: a domain cannot move to an older Xen`,
      remedy: 'update Xen over there first, or give a host whose Xen is as new as this one’s',
    };
  if (helper === undefined) return undefined;
  if (!facts.helper)
    return {
      problem: `it has no save helper at ${helper}`,
      remedy:
        'install xenferry there, give its path by --receiver-helper, or let libxl’s own receive: --stock-receiver',
    };
  if (!facts.node)
    return {
      problem: `Node.js ${LEAST_NODE} or later is not in the PATH of a command that ssh runs, and the save helper needs it`,
      remedy: 'install Node.js 20 or later there, or let libxl’s own helper receive: --stock-receiver',
    };
  return undefined;
}

function unreachable({ host, sshCommand }: SshReceiver, { code, stderr, timedOut }: Outcome): XlError {
  const said = stderr.trim().split('\n').at(-1) || `it ended with status ${code}`;
  const why = timedOut ? `no answer within ${TIMEOUT_MS / 1000} s` : said;
  const remedy =
    code === SSH_FAILED || timedOut
      ? `"${sshCommand} ${host}" must work without a prompt: set up a key (ssh-copy-id), and accept the host’s key once`
      : `"${sshCommand} ${host} sh" must run a shell over there`;
  return new XlError('DESTINATION_UNREACHABLE', `${host} cannot be reached: ${why}`, remedy);
}
