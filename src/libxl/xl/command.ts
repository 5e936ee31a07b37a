/**
 * The command lines of a migration by xl. With an empty `-s`, xl takes its last argument as the command whose stdin and stdout are the
 * connection (tools/xl/xl_migrate.c), which lets us say with which save helper the other end restores.
 */
import { quote } from './quote.js';

/** Reaches the other host as xl does, by ssh. */
export interface SshReceiver {
  readonly kind: 'ssh';
  /** As the shell reads it, such as `ssh -p 2222`. */
  readonly sshCommand: string;
  readonly host: string;
}

/** A command of the operator's, run by sh on this host, that ends in `xl migrate-receive` somewhere. */
export interface CommandReceiver {
  readonly kind: 'command';
  readonly command: string;
}

export interface MigrateCommand {
  readonly domid: number;
  readonly receiver: SshReceiver | CommandReceiver;
  /** Path of the save helper at the other end; undefined: libxl's own. */
  readonly receiverHelper: string | undefined;
  /** Leave the domain paused over there. */
  readonly paused: boolean;
  /** The receiving helper's XENFERRY_PREPULL. */
  readonly prepull?: string;
}

/** What `xl` is called with. */
export function migrateArgs(command: MigrateCommand): string[] {
  const paused = command.paused ? ['-p'] : [];
  return ['migrate', ...paused, '-s', '', String(command.domid), receiveCommand(command)];
}

/** For sh. */
export function receiveCommand({ receiver, receiverHelper, paused, prepull }: MigrateCommand): string {
  if (receiver.kind === 'command') return `${environment(receiverHelper, prepull)}${receiver.command}`;
  const { sshCommand, host } = receiver;
  const prepulls = prepull === undefined ? [] : [`XENFERRY_PREPULL=${quote(prepull)}`];
  const helper = receiverHelper === undefined ? [] : ['env', `LIBXL_SAVE_HELPER=${quote(receiverHelper)}`, ...prepulls];
  // xl itself takes -p only where it makes this command line.
  const remote = [...helper, 'xl', 'migrate-receive', ...(paused ? ['-p'] : [])].join(' ');
  return `exec ${sshCommand} ${quote(host)} ${quote(remote)}`;
}

/** A receiver on this host inherits the environment that was meant for the sender. */
function environment(helper: string | undefined, prepull: string | undefined): string {
  const name = 'LIBXL_SAVE_HELPER';
  const set = helper === undefined ? `unset ${name}` : `export ${name}=${quote(helper)}`;
  const prepulls = prepull === undefined ? '' : `export XENFERRY_PREPULL=${quote(prepull)}; `;
  return `unset XENFERRY_EVENTS; ${set}; ${prepulls}`;
}

/** How ssh reaches the host, for a helper that may have been started long ago and knows nothing of this one's agent. For sh. */
export function returnSsh({ sshCommand, host }: SshReceiver, agent: string | undefined): string {
  const known = agent === undefined || agent === '' ? '' : `export SSH_AUTH_SOCK=${quote(agent)}; `;
  return `${known}${sshCommand} ${quote(host)}`;
}

/** Runs `script` on the other host as the migration's receiver will be run. For sh. */
export function remoteScript({ sshCommand, host }: SshReceiver, script: string): string {
  return `exec ${sshCommand} ${quote(host)} ${quote(`sh -c ${quote(script)}`)}`;
}
