import { type Command, Option } from 'commander';
import { isControlDomain } from '../../libxl/xl/control-domain.js';
import { type Context, contextOf, type GlobalOptions, HOST_VARIABLE } from '../context.js';
import { CliError } from '../failure.js';
import { parseDuration, parsePrepull, parseRate } from '../units.js';

export interface MigrateOptions extends GlobalOptions {
  readonly backend?: 'xen' | 'emulated';
  readonly strategy: 'precopy' | 'tsmc' | 'auto';
  readonly policy?: 'xen' | 'xen-4.1';
  readonly bandwidth?: number;
  readonly postcopyBandwidth?: number;
  readonly downtimeBudget?: number;
  readonly elide?: boolean;
  readonly paused?: boolean;
  readonly faults?: boolean;
  readonly destinationTokenFile?: string;
  readonly sshCommand?: string;
  readonly receiveCommand?: string;
  readonly returnSsh?: string;
  readonly prepull?: number | 'adaptive';
  readonly helper?: string;
  readonly receiverHelper?: string;
  readonly stockReceiver?: boolean;
  readonly verbose?: boolean;
}

type Migrate = (domain: string, host: string, options: MigrateOptions, context: Context) => Promise<void>;
type OptionName = keyof MigrateOptions;

const EMULATED_ONLY: readonly OptionName[] = ['faults', 'destinationTokenFile', 'host', 'tlsCa'];
const XEN_ONLY: readonly OptionName[] = [
  'sshCommand',
  'receiveCommand',
  'returnSsh',
  'prepull',
  'helper',
  'receiverHelper',
  'stockReceiver',
  'verbose',
];

export function addMigrate(program: Command): void {
  program
    .command('migrate <domain> <host>')
    .summary('move a running domain to another host')
    .description('Ctrl-C cancels, as long as the domain has not been handed over; it then runs on here.')
    .addOption(
      new Option(
        '--backend <name>',
        `whose domain: one of Xen's, moved by xl, or one of a xenferry host (default: xen on a dom0, unless --host or ${HOST_VARIABLE} names a xenferry host)`,
      ).choices(['xen', 'emulated']),
    )
    .addOption(
      new Option(
        '--strategy <name>',
        'how; auto takes tsmc where precopy would not do, and the domain and both hosts can',
      )
        .choices(['precopy', 'tsmc', 'auto'])
        .default('auto'),
    )
    .addOption(
      new Option('--policy <name>', "when precopy stops its rounds: as today's Xen, or as Xen 4.1").choices([
        'xen',
        'xen-4.1',
      ]),
    )
    .option('--bandwidth <rate>', 'use no more, e.g. 100Mbit', parseRate)
    .option('--postcopy-bandwidth <rate>', '--bandwidth for stage 3 alone', parseRate)
    .option('--downtime-budget <time>', 'stop as soon as the downtime will be within this, e.g. 30ms', parseDuration)
    .option('--no-elide', 'send zero pages as data')
    .option('--paused', 'leave the domain paused over there')
    .optionsGroup('Emulated backend:')
    .option('--faults', 'with --json: a line for each fault, too')
    .option('--destination-token-file <file>', "the destination's token, if it is not the same")
    .optionsGroup('Xen:')
    .option('--ssh-command <command>', 'how to reach the host; it must work without a prompt (default: ssh)')
    .option('--receive-command <command>', 'run by sh in place of "ssh HOST … xl migrate-receive"')
    .option(
      '--return-ssh <command>',
      'tsmc: reaches the other host for its way back here (default: as --ssh-command; with --receive-command: none, it is this host)',
    )
    .option(
      '--prepull <pages>',
      'tsmc: pages round a missing one to ask for with it, or adaptive (the default)',
      parsePrepull,
    )
    .option('--helper <path>', "the save helper here (default: this installation's)")
    .option('--receiver-helper <path>', 'the save helper over there (default: the same path)')
    .option('--stock-receiver', "let libxl's own helper receive: needs no xenferry over there")
    .option('--verbose', 'show what xl, both helpers and the receiver say')
    .action(async (domain: string, host: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<MigrateOptions>();
      const migrate = backendOf(options) === 'xen' ? onXen : onEmulated;
      await (await migrate())(domain, host, options, contextOf(command));
    });
}

// Loaded when needed: a dom0 is no place to wait for an HTTP client.
const onXen = async (): Promise<Migrate> => (await import('./migrate-xen.js')).migrateOnXen;
const onEmulated = async (): Promise<Migrate> => (await import('./migrate-emulated.js')).migrateEmulated;

function backendOf(options: MigrateOptions): 'xen' | 'emulated' {
  const named = options.host ?? process.env[HOST_VARIABLE];
  const backend = options.backend ?? (named === undefined && isControlDomain() ? 'xen' : 'emulated');
  const foreign = (backend === 'xen' ? EMULATED_ONLY : XEN_ONLY).find((name) => options[name] !== undefined);
  if (foreign === undefined) return backend;
  const flag = `--${foreign.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const choose = options.backend ? '' : `, and the backend is ${backend} here unless --backend says otherwise`;
  throw new CliError('USAGE', `${flag} means nothing to the ${backend} backend${choose}`);
}
