import type { MigrationEvent } from './report.js';

/** A listener whose own failure is a warning: it must not decide over a migration. */
export function guarded(listener: ((event: MigrationEvent) => void) | undefined): typeof listener {
  if (!listener) return undefined;
  let warned = false;
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      if (!warned) process.emitWarning(`a listener of migration events failed: ${String(error)}`);
      warned = true;
    }
  };
}
