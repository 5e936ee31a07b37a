import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { EXIT_CODES, exitCodeHelp } from '../exit-codes.js';

/** `xenferry exit-codes`, and `xenferry help exit-codes` as well. */
export function addExitCodes(program: Command): void {
  program
    .command('exit-codes')
    .description('what the exit status says')
    .addHelpText('after', () => `\n${exitCodeHelp()}`)
    .action((_: unknown, command: Command) => {
      const document = Object.entries(EXIT_CODES).map(([name, [code, meaning]]) => ({ code, name, meaning }));
      contextOf(command).output.result(document, exitCodeHelp);
    });
}
