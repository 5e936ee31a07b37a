/**
 * From a PV domain whose pages and records are all there to one that can run (tools/libs/guest/xg_sr_restore_x86_pv.c,
 * x86_pv_stream_complete).
 */
import { MAX_BATCH, type Mapping, PAGE_SIZE } from '../../backend.js';
import { xenError } from '../libs/errors.js';
import type { Session } from '../session.js';
import type { ShellWiring } from '../wiring.js';
import type { PvControl } from './control.js';
import { badRecord } from './errors.js';
import { FRAMES_PER_PAGE } from './layout.js';
import { PINNED_TABLE, tableLevel } from './page-types.js';
import { mergeSharedInfo } from './shared-info.js';
import type { ShellFrames } from './shell-frames.js';
import { type Rings, renewStartInfo } from './start-info.js';
import { contextFromStream } from './vcpu-context.js';
import type { VcpuState } from './vcpu-states.js';

const NO_WIRING: ShellWiring = { storePort: 0, consolePort: 0, storeDomid: 0, consoleDomid: 0 };

export class Finisher {
  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly control: PvControl,
    private readonly shell: ShellFrames,
  ) {}

  async sharedInfo(saved: Uint8Array): Promise<void> {
    const frame = this.session.domain(this.domid).sharedInfoFrame;
    using mapping = await this.map(BigUint64Array.of(frame), 'shared_info');
    mergeSharedInfo(mapping.base, saved);
  }

  /** Returns the rings where it is vCPU 0, whose registers lead to them. */
  async vcpu(vcpu: number, state: VcpuState, wiring: ShellWiring = NO_WIRING): Promise<Rings | undefined> {
    let rings: Rings | undefined;
    if (state.basic) {
      const context = Buffer.from(state.basic);
      let startInfo = 0n;
      this.translating(vcpu, () =>
        contextFromStream(context, vcpu, (pfn, use, what) => {
          const mfn = this.shell.mfn(pfn, use, `${what} of vCPU ${vcpu}`);
          if (what === 'start_info') startInfo = mfn;
          return mfn;
        }),
      );
      if (vcpu === 0) rings = await this.startInfo(startInfo, wiring);
      await this.control.setVcpuContext(vcpu, context);
    }
    if (state.extended) this.control.setVcpuExtended(vcpu, state.extended);
    if (state.xsave) this.control.setVcpuXsave(vcpu, state.xsave);
    if (state.msrs) this.control.setVcpuMsrs(vcpu, state.msrs);
    return rings;
  }

  async pinTables(): Promise<void> {
    const { types } = this.shell;
    const pfns = new Uint32Array(MAX_BATCH);
    for (let start = 0; ; start = pfns[MAX_BATCH - 1] + 1) {
      const some = pfns.subarray(0, this.session.ops.findBytes(types, PINNED_TABLE, start, pfns));
      const levels = Uint8Array.from(some, (pfn) => tableLevel(types[pfn]));
      if (some.length > 0) await this.control.pin(this.shell.mfns(some), levels);
      if (some.length < MAX_BATCH) return;
    }
  }

  /** Tells the guest where its pages are now, in the pages in which it keeps that itself. */
  async guestP2m(): Promise<void> {
    const { p2m, leaves } = this.shell;
    if (!leaves) throw badRecord(this.domid, 'the stream has not said where its P2M is');
    const mfns = BigUint64Array.from(leaves, (pfn, i) => this.shell.mfn(BigInt(pfn), 'data', `page ${i} of its P2M`));
    for (let first = 0; first < mfns.length; first += MAX_BATCH) {
      using mapping = await this.map(mfns.subarray(first, first + MAX_BATCH), 'P2M');
      const pfn = first * FRAMES_PER_PAGE;
      const entries = p2m.subarray(pfn, pfn + (mapping.base.length / PAGE_SIZE) * FRAMES_PER_PAGE);
      mapping.base.set(new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength));
    }
  }

  private async startInfo(mfn: bigint, wiring: ShellWiring): Promise<Rings> {
    using mapping = await this.map(BigUint64Array.of(mfn), 'start_info');
    const renewed = {
      nrPfns: this.shell.p2m.length,
      sharedInfoFrame: this.session.domain(this.domid).sharedInfoFrame,
      storePort: wiring.storePort,
      consolePort: wiring.consolePort,
    };
    return renewStartInfo(mapping.base, renewed, (pfn, what) => this.shell.mfn(pfn, 'data', what));
  }

  private async map(mfns: BigUint64Array, what: string): Promise<Mapping> {
    const mapping = await this.session.foreign.map(this.domid, mfns, 'write');
    if (mapping.failed === 0) return mapping;
    mapping.unmap();
    throw xenError({
      what: `its ${what} cannot be mapped`,
      errno: mapping.errors.find(Boolean) ?? 0,
      domid: this.domid,
    });
  }

  private translating(vcpu: number, body: () => void): void {
    try {
      body();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw badRecord(this.domid, `vCPU ${vcpu}: ${cause.message}`);
    }
  }
}
