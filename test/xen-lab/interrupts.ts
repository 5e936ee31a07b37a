/** Ctrl-C and SIGTERM as an AbortSignal, so that what was begun is ended in order. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Runs `work`; a signal aborts it, and decides the exit status. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let status: number | undefined;
  const interrupt = (name: (typeof SIGNALS)[number]) => {
    status ??= STATUS[name];
    controller.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    await work(controller.signal);
  } catch (error) {
    if (status === undefined) throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
    if (status !== undefined) process.exitCode = status;
  }
}
