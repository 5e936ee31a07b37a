/** One save or restore from end to end: whatever happens, libxl hears of it. */
import type { XenHypervisor } from '../../backends/xen/index.js';
import type { FdOps } from '../../native/index.js';
import type { HelperArguments } from './arguments.js';
import { readEnvironment } from './environment.js';
import { EventFile } from './events.js';
import { type Failure, failureOf } from './failure.js';
import { Level, type Libxl } from './libxl.js';
import { type Rings, restore } from './restore.js';
import { save } from './save.js';
import { StreamChannel } from './stream-channel.js';

export interface HelperParts {
  readonly args: HelperArguments;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly libxl: Libxl;
  /** @throws what says why the addon cannot be used */
  readonly fdOps: () => FdOps;
  readonly openBackend: OpenBackend;
  /** libxl waits for another process, which ends when it has been told all. */
  readonly outlives: boolean;
  /** libxl has been told all: from here on it may go on. */
  readonly released: () => void;
  /** What then only closes and frees had better wait for so long: until the domain runs. */
  readonly quiet: () => Promise<void>;
  /** Fires when the migration is called off, and after an error that nobody expected; the reason says which. */
  readonly stop: AbortSignal;
}

/** Rejects with what says why there is none. Who asks closes it. */
export type OpenBackend = () => Promise<XenHypervisor>;

const NO_RINGS: Rings = { storeGfn: 0, consoleGfn: 0 };

/**
 * Resolves when all has been done, and libxl has been told how it went and has answered; to what is left to be closed. @throws LibxlGone
 */
export async function help(parts: HelperParts): Promise<AsyncDisposable> {
  const { args, libxl } = parts;
  libxl.log(Level.DEBUG, `starting ${args.side} of domain ${args.domid}, process ${process.pid}`);
  const open = new Opened();
  const failure = await attempt(parts, open);
  if (failure && !libxl.left) {
    await open[Symbol.asyncDispose]();
    logFailure(libxl, args, failure);
    await tell(parts, { failure });
  }
  return open;
}

interface Outcome {
  readonly rings?: Rings;
  readonly failure?: Failure;
}

/** The last that libxl hears. What takes none of the domain's time comes before, and what can wait until it runs behind it. */
async function tell({ args, libxl, released }: HelperParts, { rings = NO_RINGS, failure }: Outcome): Promise<void> {
  if (args.side === 'restore') libxl.restoreResults(rings.storeGfn, rings.consoleGfn);
  await libxl.complete(failure ? -1 : 0, failure?.errno ?? 0);
  released();
}

/** What is closed in the end, the last first. */
class Opened implements AsyncDisposable {
  private readonly all: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(one: T): T {
    this.all.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let one = this.all.pop(); one; one = this.all.pop()) await one[Symbol.asyncDispose]();
  }
}

async function attempt(parts: HelperParts, open: Opened): Promise<Failure | undefined> {
  let events: EventFile | undefined;
  try {
    const options = readEnvironment(parts.env);
    events = openEvents(options.events, parts);
    await work(parts, options, events, open);
    return undefined;
  } catch (error) {
    // What went wrong after it had been stopped came of that.
    const failure = failureOf(parts.stop.aborted ? parts.stop.reason : error);
    events?.fail(failure);
    return failure;
  }
}

async function work(
  parts: HelperParts,
  options: ReturnType<typeof readEnvironment>,
  events: EventFile | undefined,
  open: Opened,
): Promise<void> {
  const { args, libxl, fdOps, openBackend, outlives, quiet } = parts;
  const signal = untilReleased(parts);
  signal.throwIfAborted();
  const backend = open.add(await openBackend());
  const stream = open.add(new StreamChannel(fdOps(), args.streamFd, args.side === 'save' ? 'write' : 'read'));
  if (args.side === 'save') {
    const done = () => stream[Symbol.asyncDispose]().then(() => tell(parts, {}));
    await save({ backend, args, options, libxl, stream, signal, events, outlives, done, quiet });
    return;
  }
  const { domid, storePort, storeDomid, consolePort, consoleDomid } = args;
  const adopt = () => backend.adoptShell(domid, { storePort, storeDomid, consolePort, consoleDomid });
  const done = async (rings: Rings): Promise<void> => {
    await stream[Symbol.asyncDispose]();
    events?.write({ type: 'done' });
    await tell(parts, { rings });
  };
  await restore({ backend, adopt, args, options, libxl, stream, signal, events, outlives, done, quiet });
}

/** Calls the work off, as long as libxl waits for it: from then on a domain may depend on this process. */
function untilReleased({ stop, libxl }: HelperParts): AbortSignal {
  const controller = new AbortController();
  for (const signal of [stop, libxl.signal]) {
    const pass = (): void => {
      if (!libxl.left) controller.abort(signal.reason);
    };
    if (signal.aborted) pass();
    signal.addEventListener('abort', pass, { once: true });
  }
  return controller.signal;
}

/** Whoever asked for events can do without; the domain's move is what matters. */
function openEvents(path: string | undefined, { args, libxl }: HelperParts): EventFile | undefined {
  if (path === undefined) return undefined;
  try {
    return new EventFile(path, args.side, args.domid);
  } catch (error) {
    libxl.log(Level.WARN, `XENFERRY_EVENTS: ${(error as Error).message}: nothing is written there`);
    return undefined;
  }
}

/** libxl itself says next what became of the domain. */
function logFailure(libxl: Libxl, { side, domid }: HelperArguments, { code, message, remedy, errno }: Failure): void {
  libxl.log(Level.ERROR, `The ${side} of domain ${domid} failed (${code}): ${message}`, errno);
  // Errors of the stream say it themselves.
  if (remedy !== undefined && !message.includes(remedy)) libxl.log(Level.ERROR, `What to do: ${remedy}`);
}
