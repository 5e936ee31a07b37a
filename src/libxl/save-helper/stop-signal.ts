/** SIGTERM is how libxl calls a save or restore off; the others reach the helper when somebody interrupts `xl` at its terminal. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const EINTR = 4;

/** Somebody wants the save or restore to end. */
export class CalledOff extends Error {
  override readonly name = 'CalledOff';
  readonly code = 'CANCELLED';
  readonly errno = EINTR;

  constructor(signal: string) {
    super(`it was called off (${signal})`);
  }
}

export function stopController(): AbortController {
  const controller = new AbortController();
  for (const signal of STOP_SIGNALS) process.on(signal, () => controller.abort(new CalledOff(signal)));
  return controller;
}
