import { resolve } from 'node:path';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { domainSheet } from '../tables.js';
import { formatMs, formatSize } from '../units.js';

export function addSaving(program: Command): void {
  program
    .command('save <domain> <file>')
    .description('put the domain into a file, on the machine of its host, and end it; it is stopped meanwhile')
    .option('--leave-running', 'do not end it')
    .action(async (ref: string, file: string, options: { leaveRunning?: boolean }, command: Command) => {
      const { connect, output } = contextOf(command);
      const client = await connect();
      const saved = await client.save(ref, resolve(file), options.leaveRunning ?? false);
      output.result(
        saved,
        () => `${saved.name} saved to ${saved.path}: ${formatSize(saved.bytes)} in ${formatMs(saved.ms)}`,
      );
    });

  program
    .command('restore <file>')
    .description('bring a saved domain back')
    .option('--name <name>', 'under another name')
    .option('--paused', 'do not let it run yet')
    .action(async (file: string, options: { name?: string; paused?: boolean }, command: Command) => {
      const { connect, output } = contextOf(command);
      const client = await connect();
      const domain = await client.restore(resolve(file), options);
      output.result(domain, () => domainSheet(domain));
    });
}
