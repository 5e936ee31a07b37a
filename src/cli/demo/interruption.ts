/** Signals that end a command which has children: it tidies up first, then ends by the signal after all. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Interruption implements Disposable {
  private readonly abort = new AbortController();
  private cause: NodeJS.Signals | undefined;
  private readonly onSignal = (signal: NodeJS.Signals): void => {
    this.cause ??= signal;
    this.abort.abort(new Error(`interrupted by ${signal}`));
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Call when everything is tidy. */
  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.onSignal);
    if (this.cause) process.kill(process.pid, this.cause);
  }
}
