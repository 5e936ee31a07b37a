/**
 * CPU and platform state of a PVH or HVM domain (tools/libs/guest/xg_sr_save_x86_hvm.c and xg_sr_restore_x86_hvm.c).
 */
import { Errno, type HypervisorVersion, type PlatformState, type StateRecord, StateRecordType } from '../../backend.js';
import { clearPages } from '../clear-pages.js';
import { CLEARED_PAGES, HvmParam, SAVED_PARAMS } from '../hvm-params.js';
import { xenError } from '../libs/errors.js';
import { MAX_GFNS } from '../limits.js';
import { type Param, readParams, writeParams } from '../params.js';
import type { Session } from '../session.js';
import type { Rings, ShellWiring } from '../wiring.js';
import { badRecord } from './bad-record.js';
import { checkContext, decodeParams, encodeParams } from './hvm-records.js';
import { StaticState } from './static-state.js';
import { decodeTscInfo, encodeTscInfo } from './tsc-info.js';

/** What becomes of a domain's state as it is restored. */
type Stage = 'running' | 'shell' | 'finished';

export class HvmState implements PlatformState {
  readonly version: HypervisorVersion;
  private readonly statics: StaticState;
  private context: Buffer | undefined;
  private storeGfn = 0n;
  private consoleGfn = 0n;

  /** Each checks its body before anything changes. */
  private readonly takers: Readonly<Record<number, (body: Uint8Array) => void | Promise<void>>> = {
    [StateRecordType.X86_TSC_INFO]: (body) => this.session.control.setTscInfo(this.domid, decodeTscInfo(body)),
    [StateRecordType.HVM_CONTEXT]: (body) => {
      checkContext(body);
      this.context = Buffer.from(body);
    },
    [StateRecordType.HVM_PARAMS]: (body) => this.takeParams(decodeParams(body)),
  };

  /** `wiring`: where the console and xenstore of a new domain are; left out where it has none. */
  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private stage: Stage,
    private readonly wiring?: ShellWiring,
  ) {
    this.version = session.libraries.version;
    this.statics = new StaticState(session, domid);
  }

  get missing(): number {
    return this.statics.missing;
  }

  get rings(): Rings {
    return { storeGfn: Number(this.storeGfn), consoleGfn: Number(this.consoleGfn) };
  }

  /** The rest is read too, in vain: what cannot be read had better be known now, and the first time of anything takes longest. */
  async saveStatic(): Promise<StateRecord[]> {
    this.session.domain(this.domid);
    this.read();
    return this.statics.save();
  }

  async save(): Promise<StateRecord[]> {
    if (!this.session.domain(this.domid).suspended)
      throw this.invalid('CPU state is saved from a suspended domain only');
    return this.read();
  }

  private read(): StateRecord[] {
    const { control } = this.session;
    const values = readParams(this.session, this.domid, SAVED_PARAMS);
    const params = SAVED_PARAMS.map((index, i): Param => [index, values[i]]);
    return [
      { type: StateRecordType.X86_TSC_INFO, body: encodeTscInfo(control.tscInfo(this.domid)) },
      { type: StateRecordType.HVM_CONTEXT, body: control.hvmContext(this.domid) },
      { type: StateRecordType.HVM_PARAMS, body: encodeParams(params.filter(([, value]) => value !== 0n)) },
    ];
  }

  async restore(record: StateRecord): Promise<boolean> {
    this.checkShell();
    const { type, body } = record;
    if (this.statics.take(record)) return true;
    const take = Object.hasOwn(this.takers, type) ? this.takers[type] : undefined;
    if (!take) return false;
    try {
      await take(body);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw badRecord(this.domid, type, cause.message, cause);
    }
    return true;
  }

  async finishStatic(): Promise<void> {
    this.checkShell();
    this.statics.apply();
  }

  async finish(): Promise<void> {
    this.checkShell();
    if (!this.context) throw this.invalid('no CPU context has been restored');
    const { control } = this.session;
    if (this.wiring) {
      writeParams(this.session, this.domid, [
        [HvmParam.STORE_EVTCHN, BigInt(this.wiring.storePort)],
        [HvmParam.CONSOLE_EVTCHN, BigInt(this.wiring.consolePort)],
      ]);
    }
    control.setHvmContext(this.domid, this.context);
    if (this.wiring) this.grantRings(this.wiring);
    this.stage = 'finished';
  }

  private grantRings({ consoleDomid, storeDomid }: ShellWiring): void {
    const console = { gfn: this.consoleGfn, domid: consoleDomid };
    this.session.control.seedGrants(this.domid, true, console, { gfn: this.storeGfn, domid: storeDomid });
  }

  private async takeParams(all: readonly Param[]): Promise<void> {
    // PAE_ENABLED told older Xens what CPUID tells now.
    const params = all.filter(([index]) => index !== HvmParam.PAE_ENABLED);
    const cleared = params.filter(([index, gfn]) => CLEARED_PAGES.has(index) && gfn > 0n).map(([, gfn]) => gfn);
    if (cleared.some((gfn) => gfn >= BigInt(MAX_GFNS))) throw new RangeError('a page of it is no gfn');
    await clearPages(this.session, this.domid, Uint32Array.from(cleared, Number), 'BAD_STATE_RECORD');
    writeParams(this.session, this.domid, params);
    for (const [index, gfn] of params) {
      if (index === HvmParam.STORE_PFN) this.storeGfn = gfn;
      if (index === HvmParam.CONSOLE_PFN) this.consoleGfn = gfn;
    }
  }

  private checkShell(): void {
    this.session.domain(this.domid);
    if (this.stage !== 'shell') throw this.invalid('the domain has its state already');
  }

  private invalid(what: string): Error {
    return xenError({ what, errno: Errno.EINVAL, domid: this.domid, code: 'INVALID_STATE' });
  }
}
