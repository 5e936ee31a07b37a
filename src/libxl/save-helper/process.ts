/**
 * The helper's process. Descriptors 0 and 1 carry the protocol with libxl; what is said to people goes to libxl's log, or to
 * descriptor 2 where there is no libxl.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError } from '../../backends/backend.js';
import type { XenHypervisor } from '../../backends/xen/index.js';
import { type Addon, type FdOps, loadAddon } from '../../native/index.js';
import { ArgumentError, type HelperArguments, parseArguments, USAGE } from './arguments.js';
import { help, type OpenBackend } from './helper.js';
import { Level, Libxl, LibxlGone } from './libxl.js';
import { fdPipes } from './pipes.js';
import { ready } from './ready.js';
import { STAND_BY, TAKE_OVER, type TakenOver, takeOver, waitForLauncher } from './standby.js';
import { stopController } from './stop-signal.js';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/**
 * What is left to do when libxl goes on waits until the domain runs: on a busy dom0 it would take the CPU that starts it. So does the
 * process's end: a PV dom0's kernel takes long to take it apart, since its page tables go back to Xen one by one.
 */
const QUIET_MS = 1000;
const EXIT_USAGE = 2;
const EXIT_LIBXL_GONE = 1;

/** Ends the process. */
export async function run(argv: readonly string[]): Promise<void> {
  const addon = addonIfAny();
  if (argv[0] === STAND_BY) return standBy(addon, Number(argv[1]));
  if (argv[0] === TAKE_OVER) return beHanded(addon, Number(argv[1]));
  await work(argv, {
    addon,
    openBackend,
    launched: false,
    released: () => undefined,
    quiet: async () => undefined,
    leave: (status) => exit(addon, status),
  });
}

/** The launcher has started this process for what it has to do. */
async function beHanded(addon: Addon | Error, connection: number): Promise<void> {
  // Without a word, the launcher becomes the helper, which tells libxl why it cannot be one.
  if (addon instanceof Error || !('standbyReceive' in addon)) return process.exit(EXIT_LIBXL_GONE);
  const taken = takeOver(addon, connection);
  if (!taken) return exit(addon, EXIT_LIBXL_GONE);
  await workFor(taken, addon, openBackend);
}

/** Loads and opens all it can, says so to whoever has started it, and waits for something to do. */
async function standBy(addon: Addon | Error, listener: number): Promise<void> {
  if (addon instanceof Error) throw noAddon(addon);
  // Without its parent nobody counts it any more.
  const orphaned = (): never => exit(addon, 0);
  process.once('disconnect', orphaned);
  const opened = await ready(openBackend);
  process.send?.('ready', undefined, {}, (error) => error && orphaned());
  const taken = await waitForLauncher(addon, listener);
  process.removeListener('disconnect', orphaned);
  process.send?.('taken', undefined, {}, () => undefined);
  process.disconnect?.();
  await workFor(taken, addon, opened);
}

function workFor({ argv, release }: TakenOver, addon: Addon, openBackend: OpenBackend): Promise<void> {
  const leave = (status: number): void => {
    release(status);
    setTimeout(() => exit(addon, status), QUIET_MS);
  };
  const released = (own: readonly number[]): void => {
    release(0);
    letGo(own, addon);
  };
  return work(argv, { addon, openBackend, launched: true, released, quiet: () => sleep(QUIET_MS), leave });
}

/** Whoever reads behind libxl waits until nobody holds the other end. */
function letGo(own: readonly number[], addon: Addon): void {
  for (const standard of [STDIN, STDOUT, STDERR]) addon.fdBecome(openSync('/dev/null', 'r+'), standard);
  for (const fd of own) closeSync(fd);
}

interface Means {
  readonly addon: Addon | Error;
  readonly openBackend: OpenBackend;
  /** libxl waits for the launcher, and not for this very process. */
  readonly launched: boolean;
  /** libxl has been told all, and may go on where it does not wait for this very process. `own`: descriptors of its, but for 0, 1 and 2. */
  readonly released: (own: readonly number[]) => void;
  /** Whoever then has only to close and to free waits for so long. */
  readonly quiet: () => Promise<void>;
  readonly leave: (status: number) => void;
}

async function work(argv: readonly string[], means: Means): Promise<void> {
  const { addon, openBackend, launched, released, quiet, leave } = means;
  const args = argumentsOr(leave, argv);
  if (!args) return;
  const stop = stopController();
  const protocol = protocolFd(addon);
  const own = protocol === STDOUT ? [args.streamFd] : [args.streamFd, protocol];
  const libxl = new Libxl(fdPipes(STDIN, protocol));
  sayWarnings(libxl);
  abortOnSurprise(libxl, stop);
  try {
    const fdOps = (): FdOps => (addon instanceof Error ? noAddon(addon) : addon);
    const parts = {
      args,
      env: process.env,
      libxl,
      stop: stop.signal,
      fdOps,
      openBackend,
      outlives: launched,
      released: () => released(own),
      quiet,
    };
    await using _ = await help(parts);
    leave(0);
  } catch (error) {
    if (!(error instanceof LibxlGone)) throw error;
    process.stderr.write(`xenferry-save-helper: ${error.message}\n`);
    leave(EXIT_LIBXL_GONE);
  }
}

/** Loaded here: whoever gives it a wrong command line shall hear so at once, and without a Xen. */
async function openBackend(): Promise<XenHypervisor> {
  const { XenHypervisor } = await import('../../backends/xen/index.js');
  return XenHypervisor.open();
}

function argumentsOr(leave: Means['leave'], argv: readonly string[]): HelperArguments | undefined {
  try {
    return parseArguments(argv);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const asked = argv.length === 1 && ['-h', '--help', 'help'].includes(argv[0]);
    process.stderr.write(asked ? `${USAGE}\n` : `xenferry-save-helper: ${error.message}\n${USAGE}\n`);
    leave(asked ? 0 : EXIT_USAGE);
    return undefined;
  }
}

/** The addon, or why there is none: libxl is to hear of it. */
function addonIfAny(): Addon | Error {
  try {
    const addon = loadAddon();
    return addon && 'exitNow' in addon
      ? addon
      : new Error(addon ? 'it is older than its sources' : 'it has not been built');
  } catch (error) {
    return error as Error;
  }
}

function noAddon(cause: Error): never {
  throw new BackendError('NOT_SUPPORTED', `the native addon cannot be used: ${cause.message}`, {
    cause,
    remedy: 'run npm run build:native in the package of xenferry; it needs g++, make and Python 3',
  });
}

/** The protocol moves to a number of its own, so that whatever a library prints on descriptor 1 cannot get into it. */
function protocolFd(addon: FdOps | Error): number {
  const moved = addon instanceof Error ? -1 : addon.fdMove(STDOUT, STDERR);
  return moved < 0 ? STDOUT : moved;
}

/** A fault of ours ends the migration in order, with log-dirty off, and is told to libxl. */
function abortOnSurprise(libxl: Libxl, stop: AbortController): void {
  process.on('uncaughtException', (error) => {
    libxl.log(Level.ERROR, `an error that nobody expected: ${error.stack ?? error.message}`);
    stop.abort(error);
  });
}

function sayWarnings(libxl: Libxl): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ message }) => libxl.log(Level.WARN, message));
}

/** Whoever waits for the process to end does not wait for a thread that still waits in the kernel, nor for V8 to take itself apart. */
function exit(addon: FdOps | Error, status: number): never {
  if (!(addon instanceof Error)) addon.exitNow(status);
  return process.exit(status);
}
