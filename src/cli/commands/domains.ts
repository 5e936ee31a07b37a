/** The commands that look at a domain or change its state with one request each. */
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { domainSheet, domainTable } from '../tables.js';

export function addDomains(program: Command): void {
  program
    .command('list')
    .description('all domains of the host')
    .action(async (_: unknown, command: Command) => {
      const { connect, output } = contextOf(command);
      const client = await connect();
      const domains = await client.list();
      output.result(domains, () => domainTable(domains));
    });

  onDomain(program, 'info', 'one domain, by name or domid');
  onDomain(program, 'pause', 'stop its vCPUs');
  onDomain(program, 'unpause', 'let them run again');
  onDomain(program, 'destroy', 'end it at once; its memory is lost');
}

function onDomain(program: Command, verb: 'info' | 'pause' | 'unpause' | 'destroy', description: string): void {
  program
    .command(`${verb} <domain>`)
    .description(description)
    .action(async (ref: string, _: unknown, command: Command) => {
      const { connect, output } = contextOf(command);
      const client = await connect();
      const domain = await client[verb](ref);
      const done = { info: '', pause: 'paused', unpause: 'unpaused', destroy: 'destroyed' }[verb];
      output.result(domain, () => (done ? `${domain.name} ${done}` : domainSheet(domain)));
    });
}
