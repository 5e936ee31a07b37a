/** `xenferry status`: of a xenferry host, or on a dom0 of the pagers and page servers there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { readStatuses } from '../../libxl/stage3/status-file.js';
import { isControlDomain } from '../../libxl/xl/control-domain.js';
import { type Context, contextOf, type GlobalOptions, HOST_VARIABLE } from '../context.js';
import { CliError } from '../failure.js';
import { atWork, selected, statusSheet } from '../stage3-status.js';
import { hostSheet } from '../tables.js';

interface Options extends GlobalOptions {
  readonly watch?: boolean;
}

const EVERY_MS = 1000;

export function addStatus(program: Command): void {
  program
    .command('status [domain]')
    .summary('a xenferry host and its migrations; on a dom0: what post-copy has still to do')
    .description(
      `On a dom0, unless --host or ${HOST_VARIABLE} names a xenferry host: domains that run here and miss pages (pager), and such that ran here and whose pages are fetched from here (page-server), at work or ended.`,
    )
    .option('--watch', 'on a dom0: again each second, until none is at work')
    .action(async (ref: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const onXen = (options.host ?? process.env[HOST_VARIABLE]) === undefined && isControlDomain();
      await (onXen ? stage3(ref, options, contextOf(command)) : host(ref, options, contextOf(command)));
    });
}

async function host(ref: string | undefined, { watch }: Options, { connect, output }: Context): Promise<void> {
  if (ref !== undefined)
    throw new CliError('USAGE', `of a xenferry host, status names no domain: xenferry info ${ref}`);
  if (watch) throw new CliError('USAGE', '--watch is for a dom0 only; a migration shows its own progress');
  const client = await connect();
  const status = await client.status();
  output.result(status, () => hostSheet(status));
}

async function stage3(ref: string | undefined, { watch }: Options, { output }: Context): Promise<void> {
  for (;;) {
    const shown = selected(readStatuses(), ref);
    output.result(shown, () => statusSheet(shown, Date.now()));
    if (!watch || !atWork(shown)) return;
    await sleep(EVERY_MS);
  }
}
