/** CPU and platform state of a 64-bit PV domain. */
import {
  Errno,
  type HypervisorVersion,
  PAGE_SIZE,
  type PlatformState,
  type StateRecord,
  StateRecordType,
} from '../../backend.js';
import { xenError } from '../libs/errors.js';
import { badRecord as badBody } from '../platform-state/bad-record.js';
import { StaticState } from '../platform-state/static-state.js';
import { decodeTscInfo } from '../platform-state/tsc-info.js';
import type { Session } from '../session.js';
import type { Rings, ShellWiring } from '../wiring.js';
import type { PvControl } from './control.js';
import { badRecord, not64Bit } from './errors.js';
import { Finisher } from './finish.js';
import type { GuestFrames } from './frame-maps.js';
import { decodeP2mFrames, decodePvInfo, PV_INFO_64BIT } from './records.js';
import { p2mRecord, saveState } from './save.js';
import type { ShellFrames } from './shell-frames.js';
import { VcpuStates } from './vcpu-states.js';

/** A domain that is being restored. */
export interface PvShell {
  readonly frames: ShellFrames;
  readonly wiring?: ShellWiring;
  /** Page tables are made final. */
  finishPages(): Promise<void>;
  /** It is as a domain that has run. */
  finished(): void;
}

export class PvState implements PlatformState {
  readonly version: HypervisorVersion;
  private readonly statics: StaticState;
  private readonly vcpus: VcpuStates;
  private sharedInfo: Buffer | undefined;
  private p2mSent: Uint8Array | undefined;
  private ringPages = { store: 0n, console: 0n };

  /** Each checks its body before anything changes; RangeError for what cannot be one. */
  private readonly takers: Readonly<Record<number, (body: Uint8Array, shell: PvShell) => void>> = {
    [StateRecordType.X86_PV_INFO]: (body) => {
      if (decodePvInfo(body) !== 8) throw not64Bit(this.domid);
    },
    [StateRecordType.X86_PV_P2M_FRAMES]: (body, { frames }) => frames.place(decodeP2mFrames(body)),
    [StateRecordType.X86_TSC_INFO]: (body) => this.session.control.setTscInfo(this.domid, decodeTscInfo(body)),
    [StateRecordType.SHARED_INFO]: (body) => {
      if (body.length !== PAGE_SIZE) throw new RangeError(`${body.length} bytes, not a page`);
      this.sharedInfo = Buffer.from(body);
    },
  };

  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly control: PvControl,
    private readonly frames: GuestFrames,
    private shell?: PvShell,
  ) {
    this.version = session.libraries.version;
    this.statics = new StaticState(session, domid);
    this.vcpus = new VcpuStates(session.domain(domid).vcpus);
  }

  get missing(): number {
    return this.statics.missing;
  }

  /** Of a PV domain these are mfns, as libxl wants them. */
  get rings(): Rings {
    const { store, console } = this.ringPages;
    return { storeGfn: Number(store), consoleGfn: Number(console) };
  }

  async saveStatic(): Promise<StateRecord[]> {
    this.session.domain(this.domid);
    if (this.control.guestWidth() !== 8) throw not64Bit(this.domid);
    return this.frames.use((frames) => {
      const p2m = p2mRecord(frames);
      this.p2mSent = p2m.body;
      return [{ type: StateRecordType.X86_PV_INFO, body: PV_INFO_64BIT }, ...this.statics.save(), p2m];
    });
  }

  async save(): Promise<StateRecord[]> {
    if (!this.session.domain(this.domid).suspended)
      throw this.invalid('CPU state is saved from a suspended domain only');
    return this.frames.use((frames) => {
      const records = saveState(this.session, this.control, this.domid, frames);
      const p2m = p2mRecord(frames);
      // The guest has moved its P2M since the stream said where it is.
      const moved = this.p2mSent !== undefined && Buffer.compare(this.p2mSent, p2m.body) !== 0;
      return moved ? [p2m, ...records] : records;
    });
  }

  async restore(record: StateRecord): Promise<boolean> {
    const shell = this.openShell();
    const { type, body } = record;
    if (this.statics.take(record)) return true;
    try {
      if (this.vcpus.take(type, body)) return true;
      const take = Object.hasOwn(this.takers, type) ? this.takers[type] : undefined;
      take?.(body, shell);
      return take !== undefined;
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw badBody(this.domid, type, cause.message, cause);
    }
  }

  async finishStatic(): Promise<void> {
    this.openShell();
    this.statics.apply();
  }

  async finish(): Promise<void> {
    const shell = this.openShell();
    if (!this.vcpus.has(0)) throw badRecord(this.domid, 'the stream has no registers of vCPU 0');
    if (!this.sharedInfo) throw badRecord(this.domid, 'the stream has no shared_info');
    const finisher = new Finisher(this.session, this.domid, this.control, shell.frames);
    await shell.finishPages();
    await finisher.sharedInfo(this.sharedInfo);
    for (const [vcpu, state] of this.vcpus.all()) {
      const rings = await finisher.vcpu(vcpu, state, shell.wiring);
      if (rings) this.ringPages = rings;
    }
    await finisher.pinTables();
    await finisher.guestP2m();
    if (shell.wiring) this.grantRings(shell.wiring);
    this.shell = undefined;
    shell.finished();
  }

  private grantRings({ consoleDomid, storeDomid }: ShellWiring): void {
    const { store, console } = this.ringPages;
    const rings = [
      { gfn: console, domid: consoleDomid },
      { gfn: store, domid: storeDomid },
    ] as const;
    this.session.control.seedGrants(this.domid, false, ...rings);
  }

  private openShell(): PvShell {
    this.session.domain(this.domid);
    if (this.shell) return this.shell;
    throw this.invalid('the domain has its state already');
  }

  private invalid(what: string): Error {
    return xenError({ what, errno: Errno.EINVAL, domid: this.domid, code: 'INVALID_STATE' });
  }
}
