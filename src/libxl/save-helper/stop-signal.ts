/** SIGTERM is how libxl calls a save or restore off; the others reach the helper when somebody interrupts `xl` at its terminal. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export function stopController(): AbortController {
  const controller = new AbortController();
  for (const signal of SIGNALS) process.on(signal, () => controller.abort(new Error(`called off (${signal})`)));
  return controller;
}
