import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { DEFAULT_PORT } from '../../host/address.js';
import { ensureToken } from '../../host/token.js';
import { loadTlsIdentity, type TlsIdentity } from '../../transport/index.js';
import { contextOf } from '../context.js';
import { CliError } from '../failure.js';
import { parseCount, parseDuration, sizeOption } from '../units.js';

interface Options {
  readonly listen: string;
  readonly port: number;
  readonly name: string;
  readonly memory: number;
  readonly advertise?: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly insecurePlaintext?: boolean;
  readonly reconnect: number;
  readonly logLevel: string;
}

export function addHost(program: Command): void {
  program
    .command('host')
    .summary('run a migration daemon: an emulated host with domains of its own')
    .description('Runs until SIGINT or SIGTERM. Its domains end with it, unless they have been migrated away.')
    .option('--listen <address>', 'address to listen on; beyond loopback only with TLS', '127.0.0.1')
    .option('--port <port>', 'port of the API; 0: any', parseCount(0, 65535), DEFAULT_PORT)
    .option('--advertise <address>', 'address that other hosts shall connect to, if it is another')
    .option('--name <name>', 'what the host calls itself', hostname())
    .addOption(sizeOption('--memory <size>', 'RAM for domains', 2 ** 30))
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option(
      '--insecure-plaintext',
      "listen beyond loopback without TLS: whoever is on that network can read the guests' memory",
    )
    .addOption(
      new Option('--reconnect <time>', 'how long to try to mend a broken migration')
        .argParser(parseDuration)
        .default(60_000, '60s'),
    )
    .addOption(
      new Option('--log-level <level>', 'on stderr')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('warn'),
    )
    .action(async (_: unknown, command: Command) => run(command.optsWithGlobals<Options>(), command));
}

async function run(options: Options, command: Command): Promise<void> {
  const { output } = contextOf(command);
  const identity = identityOf(options);
  // Loaded here: no other command needs an HTTP server, a logger and a hypervisor.
  const { pino } = await import('pino');
  const { startDaemon, untilSignalled } = await import('../../host/daemon.js');
  const { EmulatedHost } = await import('../../host/emulated.js');
  const logger = pino({ level: options.logLevel, name: options.name }, pino.destination({ fd: 2, sync: true }));
  const token = ensureToken(options.tokenFile);
  const backend = new EmulatedHost(options.memory);
  const { name, listen, port, advertise, insecurePlaintext, reconnect: reconnectMs } = options;
  const daemon = await startDaemon(backend, {
    name,
    listen,
    port,
    advertise,
    insecurePlaintext,
    reconnectMs,
    token,
    identity,
    logger,
  });
  const ended = untilSignalled(daemon, logger);
  output.result(
    { name, url: daemon.url, port: daemon.port, pid: process.pid },
    () => `host ${name} listens on ${daemon.url}`,
  );
  await ended;
}

function identityOf({ tlsCert, tlsKey, tlsCa }: Options): TlsIdentity | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new CliError('USAGE', '--tls-cert and --tls-key belong together');
  try {
    return loadTlsIdentity({ certFile: tlsCert, keyFile: tlsKey, caFile: tlsCa });
  } catch (error) {
    throw new CliError('USAGE', (error as Error).message);
  }
}
