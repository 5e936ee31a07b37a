/** Calls of libxenctrl that only PV domains need (tools/include/xenctrl.h, xen/include/public/domctl.h). */
import { Errno, MAX_BATCH } from '../../backend.js';
import type { FunctionName } from '../libs/declarations.js';
import { xenError } from '../libs/errors.js';
import { HypercallBuffer } from '../libs/hypercall-buffer.js';
import type { Session } from '../session.js';
import { MmuextOp, VcpuContext } from './layout.js';

const Domctl = {
  SET_EXTENDED: 42,
  GET_EXTENDED: 43,
  SET_XSAVE: 62,
  GET_XSAVE: 63,
  GET_MSRS: 72,
  SET_MSRS: 73,
} as const;

/** struct xen_domctl: u32 cmd, u32 interface_version (set by libxenctrl), u16 domain, and a union of 128 bytes. */
const DOMCTL_BYTES = 256;
const DOMCTL_COMMAND = 0;
const DOMCTL_DOMAIN = 8;
const DOMCTL_ARGUMENT = 16;
export const EXTENDED_MAX_BYTES = 128;
/** xen_domctl_vcpu_msr_t: u32 index, u32 0, u64 value. */
export const VCPU_MSR_BYTES = 16;
/** xc_vcpuinfo_t: u32 vcpu, u8 online, ... */
const VCPU_INFO_BYTES = 64;
const VCPU_INFO_ONLINE = 4;

export class PvControl {
  constructor(
    private readonly session: Session,
    private readonly domid: number,
  ) {}

  /** Bytes of a word of the guest's: 8, or 4. */
  guestWidth(): number {
    const out = Buffer.alloc(4);
    this.run('its word size cannot be read', 'xc_domain_get_guest_width', [this.domid, out]);
    return out.readUInt32LE();
  }

  vcpuOnline(vcpu: number): boolean {
    const info = Buffer.alloc(VCPU_INFO_BYTES);
    this.run(`its vCPU ${vcpu} cannot be looked at`, 'xc_vcpu_getinfo', [this.domid, vcpu, info]);
    return info[VCPU_INFO_ONLINE] !== 0;
  }

  /** struct vcpu_guest_context. */
  vcpuContext(vcpu: number): Buffer {
    const context = Buffer.alloc(VcpuContext.BYTES);
    this.run(`the registers of vCPU ${vcpu} cannot be read`, 'xc_vcpu_getcontext', [this.domid, vcpu, context]);
    return context;
  }

  /** Off the event loop: the hypervisor checks the page tables that it names. */
  async setVcpuContext(vcpu: number, context: Buffer): Promise<void> {
    await this.offLoop(`the hypervisor refuses the registers of vCPU ${vcpu}`, 'xc_vcpu_setcontext', [
      this.domid,
      vcpu,
      context,
    ]);
  }

  /** System call entry points and the like; empty if there are none. */
  vcpuExtended(vcpu: number): Buffer {
    const domctl = this.domctl(Domctl.GET_EXTENDED);
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    this.runDomctl(`the extended state of vCPU ${vcpu} cannot be read`, domctl);
    const size = Math.min(domctl.readUInt32LE(DOMCTL_ARGUMENT + 4), EXTENDED_MAX_BYTES);
    return Buffer.from(domctl.subarray(DOMCTL_ARGUMENT, DOMCTL_ARGUMENT + size));
  }

  setVcpuExtended(vcpu: number, state: Buffer): void {
    const domctl = this.domctl(Domctl.SET_EXTENDED);
    state.copy(domctl, DOMCTL_ARGUMENT);
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    this.runDomctl(`the hypervisor refuses the extended state of vCPU ${vcpu}`, domctl);
  }

  /** FPU and vector registers; empty if there are none. */
  vcpuXsave(vcpu: number): Buffer {
    const what = `the FPU state of vCPU ${vcpu} cannot be read`;
    const domctl = this.domctl(Domctl.GET_XSAVE);
    // u32 vcpu, u64 mask @8, u64 size @16, pointer @24
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    this.runDomctl(what, domctl);
    if (domctl.readBigUInt64LE(DOMCTL_ARGUMENT + 8) === 0n) return Buffer.alloc(0);
    using buffer = new HypercallBuffer(this.session.control, Number(domctl.readBigUInt64LE(DOMCTL_ARGUMENT + 16)));
    domctl.writeBigUInt64LE(buffer.address, DOMCTL_ARGUMENT + 24);
    this.runDomctl(what, domctl);
    return Buffer.from(buffer.bytes.subarray(0, Number(domctl.readBigUInt64LE(DOMCTL_ARGUMENT + 16))));
  }

  setVcpuXsave(vcpu: number, state: Buffer): void {
    using buffer = new HypercallBuffer(this.session.control, state.length);
    buffer.bytes.set(state);
    const domctl = this.domctl(Domctl.SET_XSAVE);
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    domctl.writeBigUInt64LE(BigInt(state.length), DOMCTL_ARGUMENT + 16);
    domctl.writeBigUInt64LE(buffer.address, DOMCTL_ARGUMENT + 24);
    this.runDomctl(`the hypervisor refuses the FPU state of vCPU ${vcpu}`, domctl);
  }

  /** xen_domctl_vcpu_msr_t[]; empty if there are none. */
  vcpuMsrs(vcpu: number): Buffer {
    const what = `the MSRs of vCPU ${vcpu} cannot be read`;
    const domctl = this.domctl(Domctl.GET_MSRS);
    // u32 vcpu, u32 count, pointer @8
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    this.runDomctl(what, domctl);
    const room = domctl.readUInt32LE(DOMCTL_ARGUMENT + 4);
    if (room === 0) return Buffer.alloc(0);
    using buffer = new HypercallBuffer(this.session.control, room * VCPU_MSR_BYTES);
    domctl.writeBigUInt64LE(buffer.address, DOMCTL_ARGUMENT + 8);
    this.runDomctl(what, domctl);
    return Buffer.from(buffer.bytes.subarray(0, domctl.readUInt32LE(DOMCTL_ARGUMENT + 4) * VCPU_MSR_BYTES));
  }

  setVcpuMsrs(vcpu: number, msrs: Buffer): void {
    using buffer = new HypercallBuffer(this.session.control, msrs.length);
    buffer.bytes.set(msrs);
    const domctl = this.domctl(Domctl.SET_MSRS);
    domctl.writeUInt32LE(vcpu, DOMCTL_ARGUMENT);
    domctl.writeUInt32LE(msrs.length / VCPU_MSR_BYTES, DOMCTL_ARGUMENT + 4);
    domctl.writeBigUInt64LE(buffer.address, DOMCTL_ARGUMENT + 8);
    this.runDomctl(`the hypervisor refuses the MSRs of vCPU ${vcpu}`, domctl);
  }

  /** Pins page tables, each of its level (1–4); the hypervisor checks every one. */
  async pin(mfns: BigUint64Array, levels: Uint8Array): Promise<void> {
    const ops = Buffer.alloc(mfns.length * MmuextOp.BYTES);
    mfns.forEach((mfn, i) => {
      ops.writeUInt32LE(levels[i] - 1, i * MmuextOp.BYTES + MmuextOp.COMMAND);
      ops.writeBigUInt64LE(mfn, i * MmuextOp.BYTES + MmuextOp.MFN);
    });
    await this.offLoop('the hypervisor refuses its page tables', 'xc_mmuext_op', [ops, mfns.length, this.domid]);
  }

  /** Machine pages for the pfns; all or nothing. */
  async populate(pfns: Uint32Array): Promise<BigUint64Array> {
    const { control, ops } = this.session;
    // The hypervisor takes pfns here and puts mfns in their place.
    const mfns = new BigUint64Array(pfns.length);
    ops.widenFrames(pfns, mfns);
    const populate = control.ctrl.address('xc_domain_populate_physmap');
    const [done, errno] = await ops.callOffLoop(populate, [control.address, this.domid, mfns.length, 0, 0, mfns]);
    if (done === mfns.length) return mfns;
    if (done > 0) await this.release(mfns.subarray(0, done));
    throw xenError({
      what: `no memory for ${mfns.length} more pages`,
      errno: done < 0 ? errno : Errno.ENOMEM,
      domid: this.domid,
      code: 'NO_MEMORY',
      remedy: 'raise maxmem in its configuration, or free memory on this host',
    });
  }

  /** Gives machine pages back. */
  async release(mfns: BigUint64Array): Promise<void> {
    for (let i = 0; i < mfns.length; i += MAX_BATCH) {
      const some = mfns.slice(i, i + MAX_BATCH);
      const args = [this.domid, some.length, 0, some];
      await this.offLoop('its pages cannot be taken away', 'xc_domain_decrease_reservation_exact', args);
    }
  }

  private domctl(command: number): Buffer {
    const domctl = Buffer.alloc(DOMCTL_BYTES);
    domctl.writeUInt32LE(command, DOMCTL_COMMAND);
    domctl.writeUInt16LE(this.domid, DOMCTL_DOMAIN);
    return domctl;
  }

  private runDomctl(what: string, domctl: Buffer): void {
    this.run(what, 'xc_domctl', [domctl]);
  }

  private run(what: string, symbol: FunctionName, args: readonly (number | Buffer)[]): void {
    this.session.control.run(what, symbol, this.domid, [...args]);
  }

  private async offLoop(
    what: string,
    symbol: string,
    args: readonly (number | Buffer | BigUint64Array)[],
  ): Promise<void> {
    const { control, ops } = this.session;
    const [result, errno] = await ops.callOffLoop(control.ctrl.address(symbol), [control.address, ...args]);
    if (result !== 0) throw xenError({ what, errno, domid: this.domid });
  }
}
