/** What a helper does before it is needed, so that it does not have to then. */
import type { OpenBackend } from './helper.js';

/** What cannot be had yet is tried again when it is needed: libxl then hears why not. */
export async function ready(openBackend: OpenBackend): Promise<OpenBackend> {
  try {
    const backend = await openBackend();
    await backend.prepare();
    return async () => backend;
  } catch {
    return openBackend;
  }
}
