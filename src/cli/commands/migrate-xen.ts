/** `xenferry migrate` on a dom0: xl does the work with our save helper, we watch. */
import { randomUUID } from 'node:crypto';
import type { MigrationLine } from '../../host/api.js';
import {
  type Cleared,
  OWN_HELPER,
  type Plan,
  preflight,
  returnSsh,
  type SshReceiver,
  XlMigration,
  type XlMigrationOptions,
} from '../../libxl/xl/index.js';
import { LEAST_BANDWIDTH } from '../../migrate/send/bandwidth.js';
import type { Context } from '../context.js';
import { CliError } from '../failure.js';
import { Interrupts } from '../interrupts.js';
import type { Output } from '../output.js';
import { type ProgressView, progressView } from '../progress.js';
import { reportSheet } from '../tables.js';
import { formatBitRate } from '../units.js';
import type { MigrateOptions } from './migrate.js';

export async function migrateOnXen(
  ref: string,
  host: string,
  options: MigrateOptions,
  { output }: Context,
): Promise<void> {
  assertUsable(ref, host, options);
  const plan = planOf(ref, host, options);
  const interrupts = new Interrupts();
  const view = progressView(output);
  const say = (line: MigrationLine): void => {
    output.line(line);
    view.show(line);
  };
  try {
    const { domain, strategy, reason } = await checked(plan, interrupts);
    say({ type: 'started', id: randomUUID(), domain: domain.name, destination: host });
    if (reason !== undefined) say({ type: 'strategy', strategy: 'precopy', reason, at: 0 });
    const migration = new XlMigration({
      ...{ ...plan, domain, host, paused: options.paused ?? false, prepull: prepullOf(options) },
      environment: environmentOf(options, strategy, plan.returnSsh),
      onEvent: say,
      onLine: options.verbose ? (line) => output.note(`  ${line}`) : undefined,
    });
    await follow(migration, interrupts, output, view);
  } finally {
    view.stop();
    interrupts.close();
  }
}

function assertUsable(
  ref: string,
  host: string,
  { bandwidth, postcopyBandwidth, receiverHelper, ...options }: MigrateOptions,
): void {
  const usage = (message: string): never => {
    throw new CliError('USAGE', message);
  };
  // They become arguments of xl and ssh, which would take them for options.
  if (!/^[^-\s]\S*$/.test(ref)) usage(`"${ref}" is no domain's name`);
  if (!/^[^-\s]\S*$/.test(host)) usage(`"${host}" is no host`);
  for (const [name, rate] of Object.entries({ '--bandwidth': bandwidth, '--postcopy-bandwidth': postcopyBandwidth }))
    if (rate !== undefined && rate < LEAST_BANDWIDTH)
      usage(`${name} must be ${formatBitRate(LEAST_BANDWIDTH)} at least`);
  if (options.stockReceiver && receiverHelper !== undefined)
    usage('--stock-receiver and --receiver-helper exclude each other');
  if (options.receiveCommand !== undefined && options.paused)
    usage('--paused goes into the command itself here: --receive-command "... xl migrate-receive -p"');
  if (options.receiveCommand !== undefined && options.sshCommand !== undefined)
    usage('--receive-command and --ssh-command exclude each other');
}

function planOf(domain: string, host: string, options: MigrateOptions): Plan {
  const { receiveCommand, sshCommand = 'ssh', stockReceiver, helper = OWN_HELPER, strategy } = options;
  const ssh: SshReceiver = { kind: 'ssh', sshCommand, host };
  return {
    ...{ domain, helper, strategy, diagnose: diagnoseHere },
    returnSsh: wayBackOf(options, receiveCommand === undefined ? ssh : undefined),
    receiver: receiveCommand === undefined ? ssh : { kind: 'command', command: receiveCommand },
    receiverHelper: stockReceiver ? undefined : (options.receiverHelper ?? helper),
  };
}

/** undefined where none is needed: within one host, or with an address that the operator has seen to. */
export function wayBackOf(
  options: MigrateOptions,
  receiver: SshReceiver | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (env.XENFERRY_RETURN_ADDRESS) return undefined;
  return options.returnSsh ?? (receiver && returnSsh(receiver, env.SSH_AUTH_SOCK));
}

/** Loaded when it is needed: it loads the addon, and Xen's libraries. */
async function diagnoseHere(): Promise<unknown> {
  const { diagnose, gather } = await import('../../libxl/doctor/index.js');
  return diagnose(await gather());
}

/** For the helper: see ENVIRONMENT in src/libxl/save-helper. */
export function environmentOf(
  options: MigrateOptions,
  strategy: Cleared['strategy'],
  wayBack: string | undefined,
): XlMigrationOptions['environment'] {
  const { bandwidth, postcopyBandwidth, policy, downtimeBudget, elide, stockReceiver } = options;
  return {
    ...(bandwidth === undefined ? {} : { XENFERRY_BANDWIDTH: String(Math.floor(bandwidth)) }),
    ...(postcopyBandwidth === undefined ? {} : { XENFERRY_POSTCOPY_BANDWIDTH: String(Math.floor(postcopyBandwidth)) }),
    ...(policy === undefined ? {} : { XENFERRY_POLICY: policy }),
    ...(downtimeBudget === undefined ? {} : { XENFERRY_DOWNTIME_MS: String(downtimeBudget) }),
    // A receiver that is not ours might not clear them.
    XENFERRY_ZERO_PAGES: elide === false || stockReceiver ? 'send' : 'skip',
    // Whatever the shell has: the command line is what counts.
    XENFERRY_STRATEGY: strategy,
    ...(strategy === 'precopy' || wayBack === undefined ? {} : { XENFERRY_RETURN_SSH: wayBack }),
  };
}

function prepullOf({ prepull }: MigrateOptions): string | undefined {
  return prepull === undefined ? undefined : String(prepull);
}

async function checked(plan: Plan, interrupts: Interrupts): ReturnType<typeof preflight> {
  const abort = new AbortController();
  interrupts.onFirst(() =>
    abort.abort(new CliError('INTERRUPTED', `domain ${plan.domain} was not touched: it was only looked at`)),
  );
  return preflight(plan, abort.signal);
}

async function follow(
  migration: XlMigration,
  interrupts: Interrupts,
  output: Output,
  view: ProgressView,
): Promise<void> {
  const cancel = async (): Promise<void> => {
    const result = await migration.cancel();
    output.note(
      result === 'cancelling'
        ? 'cancelling…'
        : 'the domain has been, or is just being, handed over: this can no longer be cancelled; once more stops watching',
    );
  };
  interrupts.onFirst(cancel);
  process.once('SIGTERM', cancel);
  try {
    const ended = await Promise.race([migration.done, interrupts.second]);
    if (ended === 'interrupted')
      throw new CliError(
        'DETACHED',
        `the migration goes on unwatched; what is said of it stands in ${migration.detach()}`,
        'xenferry status shows how post-copy goes, here and there',
      );
    finish(ended, output, view);
  } finally {
    process.off('SIGTERM', cancel);
  }
}

function finish(report: Awaited<XlMigration['done']>, output: Output, view: ProgressView): void {
  view.stop();
  if (!report) output.note('the domain has moved; the save helper could not write its report');
  else if (output.json) output.line({ type: 'report', report });
  else output.result(report, () => reportSheet(report));
}
