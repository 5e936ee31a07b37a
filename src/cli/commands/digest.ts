import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { CliError } from '../failure.js';

export function addDigest(program: Command): void {
  program
    .command('digest <domain>')
    .description("a digest of the domain's memory and registers; it is stopped meanwhile")
    .option('--control', 'compare with a control that never moved: exit status 10 if they differ')
    .action(async (ref: string, options: { control?: boolean }, command: Command) => {
      const { connect, output } = contextOf(command);
      const client = await connect();
      const result = await client.digest(ref, options.control ?? false);
      if (result.verified === false) {
        output.line(result);
        throw new CliError('NOT_VERIFIED', `${result.name} has digest ${result.digest}, its control ${result.control}`);
      }
      output.result(
        result,
        () => `${result.digest}${result.verified ? '  verified: equal to a control that never moved' : ''}`,
      );
    });
}
