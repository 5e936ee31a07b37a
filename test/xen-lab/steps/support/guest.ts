/** A Linux domain of the lab that checks its own memory, on whichever dom0 it is now. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GuestHarmed } from '../../run/step.js';
import type { Dom0 } from '../../vm/dom0.js';
import { quoted } from '../../vm/dom0.js';
import { complaints, END_OF_LOG, readConsole, type Told } from './console.js';

export type GuestType = 'pv' | 'pvh';

export interface GuestOptions {
  readonly memoryMb?: number;
  /** Of the pattern program: MiB that it owns and of these rewrites, pages a second that it rewrites. */
  readonly pattern?: string;
}

export const IDLE = 'mem=64,hot=0,rate=0';
/** It writes all the time, and leaves most of the emulated CPU to dom0. */
export const CALM = 'mem=48,hot=8,rate=400,check=200';
export const BUSY = 'mem=64,hot=16,rate=2000';
/** For 256 MB: it rewrites all of its 64 MB every 8 seconds, and leaves some of the emulated core to dom0. */
export const HOT_64 = 'mem=96,hot=64,rate=2000';
/** As busy, in a domain of 128 MB. */
export const BUSY_SMALL = 'mem=32,hot=16,rate=2000';

const START_TIMEOUT_S = 180;
const PROGRESS_TIMEOUT_S = 90;
/** So many further `ok` show that it goes on. */
const PROGRESS = 4;

let made = 0;

export class Guest {
  private constructor(
    readonly dom0s: readonly Dom0[],
    readonly type: GuestType,
    readonly name: string,
  ) {}

  /** On the first of the dom0s. Resolves when its program runs. */
  static async create(dom0s: readonly Dom0[], type: GuestType, options: GuestOptions = {}): Promise<Guest> {
    const { memoryMb = 128, pattern = CALM } = options;
    // A name of its own for each, since a console's log is known by it.
    const guest = new Guest(dom0s, type, `${type}${++made}`);
    const extra = `console=hvc0 loglevel=1 xenferry.pattern=${pattern}`;
    const settings = [`name="${guest.name}"`, `memory=${memoryMb}`, `extra="${extra}"`].map(quoted).join(' ');
    await dom0s[0].run(`xl create -q /guest/${type}.cfg ${settings}`, { timeoutS: 120 });
    await guest.untilLast(2, START_TIMEOUT_S);
    return guest;
  }

  /** Throws unless it goes on from here, and has always counted without a gap and found its memory right. */
  async assertRuns(): Promise<Told> {
    const { last } = await this.told();
    const told = await this.untilLast(last + PROGRESS, PROGRESS_TIMEOUT_S);
    const wrong = complaints(told);
    if (wrong.length > 0) throw new GuestHarmed(`${this.name}: ${wrong.join('; ')}\n${await this.console()}`);
    return told;
  }

  async told(): Promise<Told> {
    return readConsole(await this.logs());
  }

  /** Its console since it was made, whatever its name while it moved. */
  async console(): Promise<string> {
    return (await this.logs()).replaceAll(END_OF_LOG, '\n');
  }

  domid(dom0 = this.dom0s[0]): Promise<number> {
    return dom0.run(`xl domid ${this.name}`).then(Number);
  }

  async destroy(): Promise<void> {
    for (const dom0 of this.dom0s) await dom0.exec(`xl destroy ${this.name}`);
  }

  private async logs(): Promise<string> {
    const files = `/var/log/xen/console/guest-${this.name}.log /var/log/xen/console/guest-${this.name}--*.log`;
    const command = `for log in ${files}; do if [ -f $log ]; then cat $log; printf '\\0'; fi; done`;
    return (await Promise.all(this.dom0s.map((dom0) => dom0.run(command)))).join('');
  }

  private async untilLast(n: number, timeoutS: number): Promise<Told> {
    for (const end = Date.now() + timeoutS * 1000; ; ) {
      const told = await this.told();
      if (told.last >= n) return told;
      if (Date.now() > end)
        throw new Error(
          `${this.name} does not come to ok ${n} in ${timeoutS} s\n${(await this.console()).slice(-1500)}`,
        );
      await sleep(1000);
    }
  }
}
