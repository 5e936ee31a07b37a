/** The two save helpers, and xl with either. */
import type { Bench } from '../../run/step.js';
import { type Dom0, type ExecResult, quoted } from '../../vm/dom0.js';
import type { Guest } from './guest.js';

/** libxl's own, or this project's. */
export type Helper = 'stock' | 'ours';

export const PAIRINGS: readonly (readonly [Helper, Helper])[] = [
  ['stock', 'ours'],
  ['ours', 'stock'],
  ['ours', 'ours'],
];

/** Where the build puts it, as dom0 sees it. */
export const HELPER = '/xenferry/native/build/Release/xenferry-save-helper';
export const XENFERRY = 'node /xenferry/dist/src/cli/main.js';

/** The prefix of a command that makes libxl under it use this helper. */
export function using(helper: Helper): string {
  return helper === 'ours' ? `env LIBXL_SAVE_HELPER=${HELPER}` : 'env -u LIBXL_SAVE_HELPER';
}

export interface Migration {
  readonly guest: Guest;
  readonly source: Helper;
  readonly target: Helper;
  /** What reaches the other dom0's shell, e.g. `ssh dom0-2`; none: the guest comes back to the same dom0. */
  readonly rune?: string;
  readonly from?: Dom0;
  readonly timeoutS?: number;
  /** For xl and all that it starts on this dom0, both helpers among them unless there is a `rune`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The file in the receiver's dom0 to which goes how many bytes xl sent, all of it counted; a part of the time goes into that. */
  readonly countInto?: string;
}

/** `xl migrate`, whose way to the other end is a command. */
export function migrationCommand(migration: Migration): string {
  const { guest, source, target, rune = '', environment = {}, countInto } = migration;
  const receive = `${using(target)} xl migrate-receive`;
  const pipe = `${countInto}.pipe`;
  const counting = `rm -f ${pipe}; mkfifo ${pipe}; wc -c <${pipe} >${countInto} & tee ${pipe} | ${receive}`;
  const counted = `sh -c ${quoted(counting)}`;
  const command = `${rune} ${countInto === undefined ? receive : counted}`.trim();
  const settings = Object.entries(environment).map(([name, value]) => ` ${name}=${quoted(value)}`);
  return `${using(source)}${settings.join('')} xl migrate -s '' ${guest.name} ${quoted(command)}`;
}

/** Seconds that it took. Throws where xl says that it failed. */
export async function migrate(bench: Bench, migration: Migration): Promise<number> {
  const begun = performance.now();
  const { code, output } = await tryMigrate(bench, migration);
  if (code !== 0) throw new Error(`xl migrate ended with ${code}`);
  if (!output.includes('Migration successful')) throw new Error('xl migrate did not say that it succeeded');
  return (performance.now() - begun) / 1000;
}

export async function tryMigrate(bench: Bench, migration: Migration): Promise<ExecResult> {
  const { from = bench.dom0, timeoutS = 240 } = migration;
  const command = migrationCommand(migration);
  const result = await from.exec(command, { timeoutS });
  bench.log(`$ ${command}\n${result.output}`);
  return result;
}
