/** SIGTERM is how libxl calls a save or restore off. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGTERM', () => controller.abort(new Error('called off by libxl (SIGTERM)')));
  return controller.signal;
}
