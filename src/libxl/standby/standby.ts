/**
 * Keeps save helpers ready at a socket, for the launcher that libxl starts (native/standby): as many migrations as there are helpers
 * begin without Node having to start. Each helper does one save or restore and ends; the next is started when none is at work, since
 * what is at work may need the CPU.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { StandbyOps } from '../../native/index.js';
import { HELPER } from './paths.js';

/** A helper that cannot get ready is not started again at once. */
const RETRY_MS = 10_000;

export interface StandbyOptions {
  readonly ops: StandbyOps;
  readonly socket: string;
  /** A save or restore takes one; a migration within this host two. */
  readonly helpers: number;
  readonly onEvent: (event: StandbyEvent) => void;
}

export type StandbyEvent =
  | { readonly type: 'ready' | 'taken'; readonly pid: number; readonly ready: number }
  | { readonly type: 'ended'; readonly pid: number; readonly ready: number; readonly status: number | string }
  /** Before it had anything to do. */
  | { readonly type: 'failed'; readonly pid: number; readonly status: number | string };

type State = 'starting' | 'ready' | 'working';

export class Standby implements AsyncDisposable {
  private readonly helpers = new Map<ChildProcess, State>();
  private retry: NodeJS.Timeout | undefined;
  private closed = false;

  private constructor(
    private readonly options: StandbyOptions,
    private readonly listener: number,
  ) {}

  /** @throws if the socket cannot be had: EADDRINUSE if another standby has it */
  static open(options: StandbyOptions): Standby {
    const { ops, socket } = options;
    // Only root may hand over descriptors, or be handed them.
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
    const listener = ops.standbyListen(socket);
    if (listener < 0) throw systemError(`listening at ${socket}`, -listener);
    const standby = new Standby(options, listener);
    standby.fill();
    return standby;
  }

  /** How many could take a migration now. */
  get ready(): number {
    return [...this.helpers.values()].filter((state) => state === 'ready').length;
  }

  /** Ends those that wait; those at work go on to their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    closeSync(this.listener);
    rmSync(this.options.socket, { force: true });
    const ends = [...this.helpers].filter(([, state]) => state !== 'working').map(([helper]) => endOf(helper));
    await Promise.all(ends);
  }

  private fill(): void {
    if (this.closed || [...this.helpers.values()].includes('working')) return;
    while (this.helpers.size < this.options.helpers) this.start();
  }

  private start(): void {
    const { onEvent } = this.options;
    const helper = spawn(process.execPath, [HELPER, '--stand-by', '3'], {
      stdio: ['ignore', 'ignore', 'inherit', this.listener, 'ipc'],
      // xl's job control is not ours, and a terminal's Ctrl-C is for the standby alone.
      detached: true,
    });
    const pid = helper.pid ?? 0;
    this.helpers.set(helper, 'starting');
    helper.on('message', (what) => {
      const state = what === 'taken' ? 'working' : 'ready';
      this.helpers.set(helper, state);
      if (!this.closed) onEvent({ type: state === 'ready' ? 'ready' : 'taken', pid, ready: this.ready });
    });
    helper.once('error', (error) => this.gone(helper, error.message));
    helper.once('exit', (code, signal) => this.gone(helper, code ?? signal ?? 'unknown'));
  }

  private gone(helper: ChildProcess, status: number | string): void {
    const state = this.helpers.get(helper);
    if (state === undefined) return;
    this.helpers.delete(helper);
    if (this.closed) return;
    const pid = helper.pid ?? 0;
    if (state !== 'working') {
      this.options.onEvent({ type: 'failed', pid, status });
      this.retry ??= setTimeout(() => {
        this.retry = undefined;
        this.fill();
      }, RETRY_MS);
      return;
    }
    this.options.onEvent({ type: 'ended', pid, status, ready: this.ready });
    this.fill();
  }
}

function endOf(helper: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    helper.once('exit', () => resolve());
    helper.disconnect();
  });
}

function systemError(doing: string, errno: number): Error {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, ''];
  return Object.assign(new Error(`${doing} failed: ${code} (${text})`), { errno, code });
}
