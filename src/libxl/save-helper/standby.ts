/**
 * How a helper gets its migration: from the launcher that libxl has started (native/standby/launcher.cc), be it that the launcher has
 * started this process, or that it was started before libxl asked for one, and stands by (`../standby`).
 */
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Addon, StandbyOps } from '../../native/index.js';
import { STOP_SIGNALS } from './stop-signal.js';

/** The first argument; the second is the listening socket's descriptor. */
export const STAND_BY = '--stand-by';

/** In its place: the descriptor of a connection to the launcher that has started this process. */
export const TAKE_OVER = '--take-over';

/** What this process has become. */
export interface TakenOver {
  /** As libxl would have given it to this process. */
  readonly argv: readonly string[];
  /** Lets libxl go on, which waits for the launcher's end. From here on nobody knows of this process; a second call says nothing. */
  readonly release: (status: number) => void;
}

/** Resolves when there is something to do; descriptors, directory and environment are then the launcher's. */
export async function waitForLauncher(addon: Addon, listener: number): Promise<TakenOver> {
  for (;;) {
    const connection = await addon.standbyAccept(listener);
    if (connection < 0) throw new Error(`the socket of the standby cannot be used (errno ${-connection})`);
    const taken = takeOver(addon, connection);
    if (!taken) continue;
    closeSync(listener);
    return taken;
  }
}

/** undefined, and the connection is closed, if the launcher does not say what it should. */
export function takeOver(addon: Addon, connection: number): TakenOver | undefined {
  const argv = become(addon, connection);
  if (argv) return { argv, release: follow(connection) };
  closeSync(connection);
  return undefined;
}

/** undefined if the launcher does not say what it should; then nothing has changed. */
function become(addon: StandbyOps, connection: number): string[] | undefined {
  const handed = addon.standbyReceive(connection);
  if (!handed) return undefined;
  const { descriptors } = handed;
  const strings = handed.strings.toString('utf8').split('\0');
  const [folder, count] = [strings[0], Number(strings[1])];
  const argv = strings.slice(2, 2 + count);
  if (argv.length !== count || count < 2) {
    for (const fd of descriptors) closeSync(fd);
    return undefined;
  }
  enter(folder);
  for (const name of Object.keys(process.env)) if (name.startsWith('XENFERRY_')) delete process.env[name];
  for (const setting of strings.slice(2 + count)) {
    const at = setting.indexOf('=');
    if (at > 0) process.env[setting.slice(0, at)] = setting.slice(at + 1);
  }
  for (const standard of [0, 1, 2]) addon.fdBecome(descriptors[standard], standard);
  // What the launcher names by its number has one of its own here.
  return argv.with(1, String(descriptors[3]));
}

/** Names in the environment may be relative; where xl stands in a folder that is closed to us, they are not. */
function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch {
    // A file that is then not found is told of by its name.
  }
}

/** A signal that reaches the launcher is meant for us; if it is killed, that is meant for us as well. Returns what ends the launcher. */
function follow(connection: number): (status: number) => void {
  const socket = new Socket({ fd: connection, readable: true, writable: false });
  const stop = (signal: NodeJS.Signals): boolean => process.kill(process.pid, signal);
  const gone = (): boolean => stop('SIGTERM');
  socket.on('data', (numbers) => {
    for (const number of numbers) {
      const signal = STOP_SIGNALS.find((name) => constants.signals[name] === number);
      if (signal) stop(signal);
    }
  });
  socket.on('error', () => undefined).on('close', gone);
  socket.unref();
  let told = false;
  return (status) => {
    if (told) return;
    told = true;
    socket.off('close', gone);
    tell(connection, status);
    socket.destroy();
  };
}

function tell(connection: number, status: number): void {
  try {
    writeSync(connection, Uint8Array.of(status));
  } catch {
    // The launcher has been killed: there is nobody to tell.
  }
}
