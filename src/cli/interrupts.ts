/** Ctrl-C, first and second. */
export class Interrupts {
  /** Resolves at the second one. */
  readonly second: Promise<'interrupted'>;
  private first: (() => void) | undefined;
  private count = 0;
  private readonly resolveSecond: (value: 'interrupted') => void;
  private readonly onSignal = (): void => {
    this.count++;
    if (this.count === 1) this.first?.();
    if (this.count === 2) this.resolveSecond('interrupted');
  };

  constructor() {
    const { promise, resolve } = deferred<'interrupted'>();
    this.second = promise;
    this.resolveSecond = resolve;
    process.on('SIGINT', this.onSignal);
  }

  /** What the first one does; at once if it has come already. */
  onFirst(action: () => void): void {
    this.first = action;
    if (this.count > 0) action();
  }

  close(): void {
    process.off('SIGINT', this.onSignal);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
