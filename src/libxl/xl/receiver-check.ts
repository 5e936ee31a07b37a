/** Asks the other host, before anything is touched, whether it can receive. */
import type { HypervisorVersion } from '../../backends/backend.js';
import { isNewer, versionText } from '../../migrate/version.js';
import { remoteScript, type SshReceiver } from './command.js';
import { XlError } from './errors.js';
import { notLauncher, type Obstacle, pagingObstacle } from './postcopy.js';
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
  /** What speaks against post-copy there, where that was asked. */
  readonly obstacle?: Obstacle;
}

export interface ReceiverQuestions {
  /** undefined: libxl's own. */
  readonly helper: string | undefined;
  /** Whether it can do post-copy, too: what answers that takes its time to load. */
  readonly postcopy?: boolean;
}

/** Prints `name=value` lines, and never fails. */
export function receiverScript({ helper, postcopy }: ReceiverQuestions): string {
  return [
    'echo xenferry-receiver',
    'echo dom0=$(cat /proc/xen/capabilities 2>/dev/null)',
    PRINT_VERSION,
    'echo xl=$(command -v xl)',
    'echo node=$(node --version 2>/dev/null)',
    ...(helper === undefined ? [] : [`if [ -x ${quote(helper)} ]; then echo helper=yes; fi`]),
    ...(helper === undefined || !postcopy ? [] : [askDoctor(helper)]),
  ].join('\n');
}

/** Of the installation that the helper belongs to, wherever a link to it is. */
function askDoctor(helper: string): string {
  return [
    `h=$(readlink -f ${quote(helper)} 2>/dev/null)`,
    `r=\${h%/native/build/Release/xenferry-save-helper}`,
    'if [ "$h" != "$r" ]; then',
    '  echo launcher=yes',
    '  printf \'doctor=%s\\n\' "$(node "$r/dist/src/cli/main.js" doctor --json 2>/dev/null | tr -d \'\\n\')"',
    'fi',
  ].join('\n');
}

/** undefined if the script did not run there. */
export function parseReceiver(stdout: string, { helper, postcopy }: ReceiverQuestions): ReceiverFacts | undefined {
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
    ...(helper !== undefined && postcopy ? { obstacle: obstacleOf(helper, facts) } : {}),
  };
}

function obstacleOf(helper: string, facts: ReadonlyMap<string, string>): Obstacle | undefined {
  return facts.has('launcher') ? pagingObstacle(parse(facts.get('doctor') ?? '')) : notLauncher(helper);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function splitAt(line: string, at: number): [string, string] {
  return [line.slice(0, Math.max(0, at)), line.slice(at + 1)];
}

/** @throws XlError if it cannot be reached or cannot receive. */
export async function checkReceiver(
  receiver: SshReceiver,
  questions: ReceiverQuestions,
  signal?: AbortSignal,
  here = xenVersion(),
): Promise<ReceiverFacts> {
  const script = remoteScript(receiver, receiverScript(questions));
  const outcome = await run('sh', ['-c', script], { timeoutMs: TIMEOUT_MS, signal });
  const facts = parseReceiver(outcome.stdout, questions);
  if (!facts) throw unreachable(receiver, outcome);
  const refusal = refusalOf(facts, questions.helper, here);
  const { obstacle } = facts;
  if (!refusal) return { ...facts, ...(obstacle && { obstacle: at(receiver, obstacle) }) };
  throw new XlError('DESTINATION_REFUSED', `${receiver.host}: ${refusal.problem}`, refusal.remedy);
}

function at({ host }: SshReceiver, { problem, remedy }: Obstacle): Obstacle {
  return { problem: `${host}: ${problem}`, remedy };
}

/** Why a host with these facts cannot receive; `here` is this host's Xen. */
export function refusalOf(
  facts: ReceiverFacts,
  helper: string | undefined,
  here: HypervisorVersion | undefined,
): Obstacle | undefined {
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
