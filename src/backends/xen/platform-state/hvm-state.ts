/**
 * CPU and platform state of a PVH or HVM domain (tools/libs/guest/xg_sr_save_x86_hvm.c and xg_sr_restore_x86_hvm.c).
 */
import { Errno, type HypervisorVersion, type PlatformState, type StateRecord, StateRecordType } from '../../backend.js';
import { CLEARED_PAGES, HvmParam, SAVED_PARAMS } from '../hvm-params.js';
import { xenError } from '../libs/errors.js';
import type { Session } from '../session.js';
import type { Rings, ShellWiring } from '../wiring.js';
import { badRecord } from './bad-record.js';
import { checkContext, decodeParams, encodeParams, type Param } from './hvm-records.js';
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
  private readonly takers: Readonly<Record<number, (body: Uint8Array) => void>> = {
    [StateRecordType.X86_TSC_INFO]: (body) => this.session.control.setTscInfo(this.domid, decodeTscInfo(body)),
    [StateRecordType.HVM_CONTEXT]: (body) => {
      checkContext(body);
      this.context = Buffer.from(body);
    },
    [StateRecordType.HVM_PARAMS]: (body) => {
      for (const param of decodeParams(body)) this.takeParam(param);
    },
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
    const params = SAVED_PARAMS.map((index): Param => [index, control.hvmParam(this.domid, index)]);
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
      take(body);
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
      control.setHvmParam(this.domid, HvmParam.STORE_EVTCHN, BigInt(this.wiring.storePort));
      control.setHvmParam(this.domid, HvmParam.CONSOLE_EVTCHN, BigInt(this.wiring.consolePort));
    }
    control.setHvmContext(this.domid, this.context);
    if (this.wiring) this.grantRings(this.wiring);
    this.stage = 'finished';
  }

  private grantRings({ consoleDomid, storeDomid }: ShellWiring): void {
    const console = { gfn: this.consoleGfn, domid: consoleDomid };
    this.session.control.seedGrants(this.domid, true, console, { gfn: this.storeGfn, domid: storeDomid });
  }

  private takeParam([index, value]: Param): void {
    // It told older Xens what CPUID tells now.
    if (index === HvmParam.PAE_ENABLED) return;
    const { control } = this.session;
    if (CLEARED_PAGES.has(index)) control.clearPage(this.domid, value);
    if (index === HvmParam.STORE_PFN) this.storeGfn = value;
    if (index === HvmParam.CONSOLE_PFN) this.consoleGfn = value;
    control.setHvmParam(this.domid, index, value);
  }

  private checkShell(): void {
    this.session.domain(this.domid);
    if (this.stage !== 'shell') throw this.invalid('the domain has its state already');
  }

  private invalid(what: string): Error {
    return xenError({ what, errno: Errno.EINVAL, domid: this.domid, code: 'INVALID_STATE' });
  }
}
