/** libxl at the other end of the helper's descriptors 0 and 1: what is told to it, and what it is asked. */
import {
  completeMessage,
  logMessage,
  progressMessage,
  restoreResultsMessage,
  staticDataDoneMessage,
  suspendMessage,
  switchQemuLogDirtyMessage,
} from './message.js';

/** xentoollog_level (Xen tools/include/xentoollog.h). `xl` shows PROGRESS and above, with -v more. */
export const Level = { DEBUG: 1, VERBOSE: 2, DETAIL: 3, PROGRESS: 4, INFO: 5, NOTICE: 6, WARN: 7, ERROR: 8 } as const;
export type LogLevel = (typeof Level)[keyof typeof Level];

/** How the log names us, as libxl's own helper says "xc". */
const CONTEXT = 'xenferry';
const REPLY_BYTES = 4;

/** The descriptors, or what stands for them in a test. */
export interface Pipes {
  /** Writes all of it, at once. @throws what write(2) says */
  write(bytes: Uint8Array): void;
  /** Fills `into`; rejects when libxl has closed its end. */
  read(into: Uint8Array): Promise<void>;
}

/** libxl is not there any more: nobody can be asked or told. */
export class LibxlGone extends Error {
  override readonly name = 'LibxlGone';
  readonly remedy = 'xl, or whoever else asked for this, has ended; the domain is where it was';

  constructor(cause: unknown) {
    super('libxl has closed its end of the save helper', { cause });
  }
}

/** Questions are asked one at a time. */
export class Libxl {
  /** Set once libxl has been found to be gone. */
  gone: LibxlGone | undefined;
  /** It has been told the end. */
  left = false;
  private readonly lost = new AbortController();

  constructor(private readonly pipes: Pipes) {}

  /** Fires, with a LibxlGone, when libxl is gone. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** Never throws: that a line of the log cannot be told is no reason to end a migration by an exception. */
  log(level: LogLevel, text: string, errno?: number): void {
    this.tell(logMessage(level, errno, CONTEXT, text));
  }

  progress(what: string, done: number, total: number): void {
    this.tell(progressMessage(CONTEXT, what, done, total));
  }

  restoreResults(storeGfn: number, consoleGfn: number): void {
    this.tell(restoreResultsMessage(storeGfn, consoleGfn));
  }

  /** Whether the guest has suspended itself; libxl waits for it, a minute for its answer and one for the deed. */
  async suspend(): Promise<boolean> {
    return (await this.ask(suspendMessage())) !== 0;
  }

  /** 0 if QEMU now logs what it writes to the guest's memory, or logs it no more. */
  switchQemuLogDirty(domid: number, enable: boolean): Promise<number> {
    return this.ask(switchQemuLogDirtyMessage(domid, enable));
  }

  /** 0 if libxl has made up for the policies that are missing. */
  staticDataDone(missing: number): Promise<number> {
    return this.ask(staticDataDoneMessage(missing));
  }

  /** The last message; when this resolves libxl waits for the end of what it has started, and listens no more. */
  async complete(retval: number, errno: number): Promise<void> {
    await this.ask(completeMessage(retval, errno));
    this.left = true;
  }

  private tell(message: Buffer): void {
    if (this.gone || this.left) return;
    try {
      this.pipes.write(message);
    } catch (error) {
      this.lose(error);
    }
  }

  /** @throws LibxlGone */
  private async ask(message: Buffer): Promise<number> {
    this.tell(message);
    const reply = Buffer.alloc(REPLY_BYTES);
    try {
      if (!this.gone) await this.pipes.read(reply);
    } catch (error) {
      this.lose(error);
    }
    if (this.gone) throw this.gone;
    return reply.readInt32LE();
  }

  private lose(cause: unknown): void {
    this.gone ??= new LibxlGone(cause);
    this.lost.abort(this.gone);
  }
}
