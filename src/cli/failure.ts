/** Any error → what is said and with which status the command ends. */
import { CommanderError } from 'commander';
import { BackendError } from '../backends/backend.js';
import { asHostError } from '../host/classify.js';
import { HostError } from '../host/errors.js';
import { XlError } from '../libxl/xl/errors.js';
import { MigrationError } from '../migrate/errors.js';
import { BindRefusedError } from '../transport/index.js';
import { type ExitName, exitCode, exitOf, exitOfXl } from './exit-codes.js';
import type { Output } from './output.js';

/** An error of the command itself. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exit: ExitName,
    message: string,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

interface Failure {
  readonly exit: ExitName;
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly domain?: string;
  readonly survivor?: string;
}

/** Says it, and returns the exit status. */
export function report(error: unknown, output: Output): number {
  // Help and version were asked for, and commander has printed them.
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // The help was shown instead of a message, but a program gets its document.
  const failure = classify(error);
  const exit = exitCode(failure.exit);
  output.line({ error: { ...failure, exit } });
  if (!isHelp(error)) output.note(`xenferry: ${failure.message}${failure.remedy ? `\n  ${failure.remedy}` : ''}`);
  return exit;
}

function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help';
}

function classify(error: unknown): Failure {
  if (error instanceof BackendError || error instanceof MigrationError) return classify(asHostError(error));
  if (error instanceof XlError) {
    const { code, message, remedy } = error;
    return { exit: exitOfXl(code), code, message, remedy };
  }
  if (error instanceof HostError) {
    const { domain, remedy, detail, survivor } = error.details;
    return {
      exit: exitOf(error.code, detail, survivor),
      code: detail ?? error.code,
      message: error.message,
      remedy,
      domain,
      survivor,
    };
  }
  if (error instanceof CliError)
    return { exit: error.exit, code: error.exit, message: error.message, remedy: error.remedy };
  if (error instanceof CommanderError) {
    return {
      exit: 'USAGE',
      code: 'USAGE',
      message: isHelp(error) ? 'no command was given' : error.message.replace(/^error: /, ''),
      remedy: 'xenferry help shows how',
    };
  }
  if (error instanceof BindRefusedError) return { exit: 'REFUSED', code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'EADDRINUSE')
    return { exit: 'REFUSED', code, message, remedy: 'another host listens there: choose another --port' };
  if (code === 'EADDRNOTAVAIL')
    return { exit: 'USAGE', code, message, remedy: 'give --listen an address of this machine' };
  return { exit: 'INTERNAL', code: 'INTERNAL', message };
}
