/** `xenferry standby` in a dom0, while a step needs it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dom0 } from '../../vm/dom0.js';
import { XENFERRY } from './helper.js';

const LOG = '/var/tmp/xen-lab/standby';
const READY_TIMEOUT_S = 120;

export class StandbyIn implements AsyncDisposable {
  private constructor(
    private readonly dom0: Dom0,
    private readonly helpers: number,
  ) {}

  static async start(dom0: Dom0, helpers = 2): Promise<StandbyIn> {
    await dom0.run(`mkdir -p $(dirname ${LOG}); rm -f ${LOG}*
      setsid ${XENFERRY} standby --json --helpers ${helpers} </dev/null >${LOG} 2>${LOG}.errors & echo $! >${LOG}.pid`);
    const standby = new StandbyIn(dom0, helpers);
    await standby.ready();
    return standby;
  }

  /** As many stand by as should. */
  async ready(): Promise<void> {
    for (const end = Date.now() + READY_TIMEOUT_S * 1000; ; await sleep(500)) {
      const last = (await this.dom0.run(`tail -n 1 ${LOG}`)).trim();
      if (last !== '' && (JSON.parse(last) as { ready?: number }).ready === this.helpers) return;
      if (Date.now() > end)
        throw new Error(
          `not ${this.helpers} helpers stand by: ${last} ${await this.dom0.run(`tail -c 1000 ${LOG}.errors`)}`,
        );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dom0.run(`kill $(cat ${LOG}.pid); while kill -0 $(cat ${LOG}.pid) 2>/dev/null; do sleep 0.1; done`);
  }
}
