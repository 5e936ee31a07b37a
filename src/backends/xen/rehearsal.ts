/**
 * The first calls of a process take many times as long as those behind them: code is compiled, threads are started. What waits for a
 * migration makes them while it waits, so that they are not made while a guest is stopped.
 */
import type { Session } from './session.js';

/** dom0 can be asked without anybody noticing. */
const DOM0 = 0;
const TIMES = 40;
/** libuv's default number of threads. */
const THREADS = 4;

export async function rehearse(session: Session): Promise<void> {
  const { control, ops } = session;
  const ask = (): Promise<unknown> =>
    ops.callOffLoop(control.ctrl.address('xc_domain_nr_gpfns'), [control.address, DOM0, Buffer.alloc(8)]);
  for (let i = 0; i < TIMES; i++) {
    session.domain(DOM0);
    control.nrGfns(DOM0);
    await Promise.all(Array.from({ length: THREADS }, ask));
  }
}
