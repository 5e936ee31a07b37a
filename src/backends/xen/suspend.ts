/**
 * Asking a guest with PV drivers to suspend, by xenstore (docs/misc/xenstore-paths.pandoc, control/shutdown;
 * tools/libs/light/libxl_dom_suspend.c).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, Errno } from '../backend.js';
import type { Session } from './session.js';

const POLL_MS = 2;
/** As libxl has it: for the guest to take the request, and then again to carry it out. */
export const SUSPEND_TIMEOUT_MS = 60_000;

/** Resolves when the guest has suspended itself. `SUSPEND_FAILED` if it does not; it then runs on. */
export async function suspendGuest(session: Session, domid: number, timeoutMs = SUSPEND_TIMEOUT_MS): Promise<void> {
  const { store } = session;
  const path = `/local/domain/${domid}/control/shutdown`;
  const isSuspended = (): boolean => {
    const { suspended, shutdown } = session.domain(domid);
    if (shutdown) throw noAnswer(domid, 'stopped for another reason: it crashed, or was shut down');
    return suspended;
  };
  if (store.read(`/local/domain/${domid}/control`) === undefined) throw noDrivers(domid);
  store.write(path, 'suspend');
  const taken = (): boolean => store.read(path) !== 'suspend' || isSuspended();
  // The request is called off, unless the guest takes it at the same moment: then it will suspend.
  if (!(await until(taken, timeoutMs)) && store.exchange(path, 'suspend', ''))
    throw noAnswer(domid, 'did not answer the request to suspend');
  if (!(await until(isSuspended, timeoutMs))) throw noAnswer(domid, 'took the request to suspend and did not suspend');
}

async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(POLL_MS)) {
    if (condition()) return true;
  }
  return condition();
}

function noAnswer(domid: number, what: string): BackendError {
  const remedy = 'look at its console; a guest that hangs or has no PV drivers can only be shut down';
  return new BackendError('SUSPEND_FAILED', `domain ${domid}: the guest ${what}`, {
    domid,
    errno: Errno.EAGAIN,
    remedy,
  });
}

function noDrivers(domid: number): BackendError {
  const remedy = 'start it with xl, so that it has its place in xenstore';
  const what = 'it has no control/ in xenstore, so it cannot be asked to suspend';
  return new BackendError('SUSPEND_FAILED', `domain ${domid}: ${what}`, { domid, remedy });
}
