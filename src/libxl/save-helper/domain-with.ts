import type { Domain, LogDirty, PlatformState } from '../../backends/backend.js';

/** `domain`, with another log-dirty or platform state in place of its own. */
export function domainWith(domain: Domain, parts: { logDirty?: LogDirty; state?: PlatformState }): Domain {
  return {
    domid: domain.domid,
    logDirty: parts.logDirty ?? domain.logDirty,
    memory: domain.memory,
    state: parts.state ?? domain.state,
    paging: domain.paging,
    info: () => domain.info(),
    pause: () => domain.pause(),
    unpause: () => domain.unpause(),
    suspend: () => domain.suspend(),
    resume: () => domain.resume(),
    destroy: () => domain.destroy(),
  };
}
