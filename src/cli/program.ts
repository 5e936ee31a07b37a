/** The command line as a whole. */
import { Command } from 'commander';
import { VERSION } from '../host/version.js';
import { addCreate } from './commands/create.js';
import { addDemo } from './commands/demo.js';
import { addDigest } from './commands/digest.js';
import { addDoctor } from './commands/doctor.js';
import { addDomains } from './commands/domains.js';
import { addExitCodes } from './commands/exit-codes.js';
import { addHost } from './commands/host.js';
import { addMigrate } from './commands/migrate.js';
import { addSaving } from './commands/saving.js';
import { addStandby } from './commands/standby.js';
import { addStatus } from './commands/status.js';
import { HOST_VARIABLE } from './context.js';

export function createProgram(): Command {
  const program = new Command('xenferry')
    .description('live migration of domains: precopy and three-stage memory copy')
    .version(VERSION)
    .option('-H, --host <host>', `the daemon to talk to (default: ${HOST_VARIABLE}, or this machine's)`)
    .option('--token-file <file>', 'its bearer token (default: XENFERRY_TOKEN, or ~/.config/xenferry/token)')
    .option('--tls-ca <file>', 'certificates to trust, PEM')
    .option('--json', 'one JSON document on stdout, or JSON lines, and nothing else')
    .exitOverride()
    .showHelpAfterError(false)
    .addHelpText('afterAll', '\nWhat the exit status says: xenferry exit-codes');
  // Commands made from here on inherit the above. An error is said once, by failure.ts; help is help.
  program.configureOutput({
    outputError: () => undefined,
    writeErr: (text) => (program.opts().json ? undefined : void process.stderr.write(text)),
  });
  for (const add of [
    addHost,
    addStatus,
    addDomains,
    addCreate,
    addDigest,
    addMigrate,
    addSaving,
    addDemo,
    addDoctor,
    addStandby,
    addExitCodes,
  ])
    add(program);
  return program;
}
